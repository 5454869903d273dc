package dev.nibble.pipeline.run;

import dev.nibble.core.work.Workers;
import dev.nibble.io.file.DiskTrouble;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.pipeline.journal.ContentHash;
import dev.nibble.pipeline.journal.Processor;
import dev.nibble.pipeline.journal.RunIdentity;
import dev.nibble.pipeline.journal.SourceFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Finds out what a prepared run's result will depend on. */
final class Identities {
  private Identities() {}

  /** Hashes the source's files, unless that has been done. */
  static RunIdentity of(Preparation prepared) {
    return new RunIdentity(
        RunIdentity.FORMAT,
        version(),
        Processor.describe(),
        prepared.recipe(),
        prepared.sourceFiles(),
        prepared.calibration().sha256());
  }

  /** Hashes the source's files; as fast as the disk, several files at a time. */
  static List<SourceFile> sourceFiles(OpenedModel source, Workers workers) {
    List<Path> files = source.files();
    SourceFile[] sources = new SourceFile[files.size()];
    workers.forEach(sources.length, i -> sources[i] = describe(source, files.get(i)));
    return List.of(sources);
  }

  private static SourceFile describe(OpenedModel source, Path file) {
    try {
      Path name =
          Files.isDirectory(source.path()) ? source.path().relativize(file) : file.getFileName();
      return new SourceFile(name.toString(), Files.size(file), ContentHash.of(file));
    } catch (IOException e) {
      throw DiskTrouble.reading(file, e);
    }
  }

  /** Version as the build wrote it into the jar. */
  static String version() {
    String written = Identities.class.getPackage().getImplementationVersion();
    return written == null ? "development" : written;
  }
}
