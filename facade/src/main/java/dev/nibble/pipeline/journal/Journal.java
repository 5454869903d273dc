package dev.nibble.pipeline.journal;

import dev.nibble.core.NibbleException;
import dev.nibble.io.file.AtomicFile;
import dev.nibble.io.json.StrictJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The finished units of a run, in order. A unit counts once its record has been renamed into place;
 * the record names the hash of the tensors file, which was on disk before.
 */
public final class Journal {
  private static final long MAX_JSON = 1L << 30;

  private final WorkDirectory work;
  private final List<UnitRecord> units = new ArrayList<>();

  private Journal(WorkDirectory work) {
    this.work = work;
  }

  /**
   * Begins a run in an empty folder, or takes up the run that was begun there.
   *
   * @throws NibbleException when other work lies in the folder, with what differs
   */
  public static Journal open(WorkDirectory work, RunIdentity identity) {
    Journal journal = new Journal(work);
    if (!Files.exists(work.identity())) {
      work.clear();
      AtomicFile.write(work.identity(), StrictJson.pretty(identity.toJson()));
      return journal;
    }
    RunIdentity before = RunIdentity.fromJson(StrictJson.readObject(work.identity(), MAX_JSON));
    Optional<String> difference = before.differenceFrom(identity);
    if (difference.isPresent()) {
      throw new NibbleException(
          work.root()
              + " holds unfinished work that cannot be continued: "
              + difference.get()
              + "; undo that, or discard the work with --restart");
    }
    journal.readUnits();
    return journal;
  }

  private void readUnits() {
    for (int index = 0; ; index++) {
      Path record = file(index, ".json");
      if (!Files.exists(record)) {
        return;
      }
      UnitRecord unit = UnitRecord.fromJson(StrictJson.readObject(record, MAX_JSON));
      if (!Files.exists(tensors(index)) || !ContentHash.of(tensors(index)).equals(unit.sha256())) {
        return; // lost in a power failure: this unit and later ones are done again
      }
      units.add(unit);
    }
  }

  /** Finished units, from the first block on. */
  public List<UnitRecord> units() {
    return Collections.unmodifiableList(units);
  }

  /** File with the tensors of a unit. */
  public Path tensors(int index) {
    return file(index, ".safetensors");
  }

  private Path file(int index, String extension) {
    return work.units().resolve(String.format(Locale.ROOT, "%05d%s", index, extension));
  }

  /** Commits the next unit, whose tensors file has been written and forced to disk. */
  public void commit(UnitRecord unit) {
    if (unit.index() != units.size()) {
      throw new IllegalStateException("unit " + unit.index() + " after " + units.size());
    }
    AtomicFile.write(file(unit.index(), ".json"), StrictJson.pretty(unit.toJson()));
    units.add(unit);
  }
}
