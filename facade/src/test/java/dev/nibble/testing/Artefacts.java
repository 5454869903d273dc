package dev.nibble.testing;

import dev.nibble.pipeline.journal.ContentHash;
import dev.nibble.pipeline.provenance.RunLog;
import dev.nibble.pipeline.report.QuantizationReport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What an artefact consists of. */
public final class Artefacts {
  /** Files that state times and memory, which differ from run to run. */
  private static final Set<String> TELLS_OF_THE_RUN =
      Set.of(RunLog.NAME, QuantizationReport.NAME, "report.json");

  private Artefacts() {}

  /** Hash of every file by name, but for the log of the run, which differs from run to run. */
  public static Map<String, String> hashes(Path directory) {
    Map<String, String> out = new TreeMap<>();
    try (Stream<Path> files = Files.list(directory)) {
      files
          .filter(f -> !TELLS_OF_THE_RUN.contains(f.getFileName().toString()))
          .forEach(f -> out.put(f.getFileName().toString(), ContentHash.of(f)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out;
  }
}
