package dev.nibble.pipeline.run;

import dev.nibble.compress.TunerTask;
import dev.nibble.compress.block.BlockRunner;
import dev.nibble.compress.block.CollectedEvents;
import dev.nibble.compress.block.SealedBlock;
import dev.nibble.compress.block.WholeModel;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import dev.nibble.io.file.DiskTrouble;
import dev.nibble.io.model.PackedFile;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.models.ResidentModel;
import dev.nibble.pipeline.journal.Journal;
import dev.nibble.pipeline.journal.UnitRecord;
import dev.nibble.pipeline.journal.WorkDirectory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Lets the steps that train the whole model do so, one after the other, once all blocks are in the
 * journal. Each training becomes a unit that holds the tensors it changed; one that was interrupted
 * goes on from the checkpoints in the work directory.
 */
final class TuningRun {
  private final Preparation prepared;
  private final WorkDirectory work;
  private final Journal journal;
  private final Workers workers;

  TuningRun(Preparation prepared, WorkDirectory work, Journal journal, Workers workers) {
    this.prepared = prepared;
    this.work = work;
    this.journal = journal;
    this.workers = workers;
  }

  /** Does what is left to do. */
  void finish() {
    int unit = prepared.model().blocks().size();
    List<RecipeStep> steps = prepared.recipe().steps();
    for (int s = 0; s < steps.size(); s++) {
      if (steps.get(s).step().tuner().isPresent()) {
        if (unit >= journal.units().size()) {
          train(unit, s);
        }
        unit++;
      }
    }
  }

  private void train(int unit, int step) {
    List<SafetensorsFile> open = new ArrayList<>();
    try (Arena arena = Arena.ofShared()) {
      Map<String, PackedTensor> tensors = new LinkedHashMap<>();
      Map<String, SiteOps> operators = new TreeMap<>();
      Map<String, Long> values = new TreeMap<>();
      for (UnitRecord record : journal.units()) {
        SafetensorsFile file = SafetensorsFile.open(journal.tensors(record.index()));
        open.add(file);
        tensors.putAll(PackedFile.readAll(file));
        operators.putAll(record.operators());
        values.putAll(record.values());
      }
      try (ResidentModel student = WholeModel.restore(prepared.model(), tensors, operators)) {
        train(unit, step, student, values, arena);
      }
    } finally {
      open.forEach(SafetensorsFile::close);
    }
  }

  private void train(
      int unit, int step, ResidentModel student, Map<String, Long> before, Arena arena) {
    long start = System.nanoTime();
    RecipeStep tuned = prepared.recipe().steps().get(step);
    CollectedEvents events = new CollectedEvents();
    tuned
        .step()
        .tuner()
        .orElseThrow()
        .tune(
            new TunerTask(
                student,
                () -> ResidentModel.load(prepared.model()),
                prepared.calibration().batches(),
                checkpoints(unit),
                BlockRunner.stepSeed(prepared.recipe().seed(), prepared.recipe().steps(), step),
                events,
                workers,
                prepared.options().progress()));
    SealedBlock sealed = WholeModel.seal(student, prepared.plan().byName(), arena, events);
    Map<String, PackedTensor> changed = new LinkedHashMap<>(sealed.tensors());
    Map<String, Long> values = new TreeMap<>(sealed.values());
    // the same values in the same form are the same bytes
    changed.keySet().removeIf(name -> before.get(name).equals(values.get(name)));
    values.keySet().retainAll(changed.keySet());
    String sha256 = UnitFile.write(journal.tensors(unit), changed);
    double seconds = (System.nanoTime() - start) / 1e9;
    journal.commit(
        new UnitRecord(
            unit,
            tuned.name(),
            sha256,
            values,
            Map.of(),
            sealed.solved(),
            sealed.events(),
            Map.of(),
            seconds));
    work.clear(work.tuning());
  }

  private Path checkpoints(int unit) {
    Path folder = work.tuning().resolve(Integer.toString(unit));
    try {
      return Files.createDirectories(folder);
    } catch (IOException e) {
      throw DiskTrouble.writing(folder, e);
    }
  }
}
