package dev.nibble.testing;

import dev.nibble.pipeline.journal.ContentHash;
import dev.nibble.pipeline.provenance.RunLog;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What an artefact consists of. */
public final class Artefacts {
  private Artefacts() {}

  /** Hash of every file by name, but for the log of the run, which differs from run to run. */
  public static Map<String, String> hashes(Path directory) {
    Map<String, String> out = new TreeMap<>();
    try (Stream<Path> files = Files.list(directory)) {
      files
          .filter(f -> !f.getFileName().toString().equals(RunLog.NAME))
          .forEach(f -> out.put(f.getFileName().toString(), ContentHash.of(f)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out;
  }
}
