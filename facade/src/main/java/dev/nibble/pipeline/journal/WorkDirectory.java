package dev.nibble.pipeline.journal;

import dev.nibble.core.NibbleException;
import dev.nibble.io.file.DiskTrouble;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The folder {@code OUT.nibble-work} beside an output, locked while a run uses it.
 *
 * <pre>
 * lock           held by the running process; the system frees it when the process dies
 * run.json       identity of the run
 * units/         NNN-name.safetensors and NNN-name.json, one pair a finished block
 * streams/       activations between blocks
 * tuning/        checkpoints of the step that trains the whole model
 * output/        the artefact while it is put together; renamed to OUT in one move
 * </pre>
 */
public final class WorkDirectory implements AutoCloseable {
  private final Path root;
  private final FileChannel lockFile;

  private WorkDirectory(Path root, FileChannel lockFile) {
    this.root = root;
    this.lockFile = lockFile;
  }

  /** Where the work of an output lies. */
  public static Path beside(Path output) {
    Path absolute = output.toAbsolutePath().normalize();
    if (absolute.getFileName() == null) {
      throw new NibbleException("the output " + output + " must be a folder with a name");
    }
    return absolute.resolveSibling(absolute.getFileName() + ".nibble-work");
  }

  /**
   * Creates the folder where it does not exist, and locks it.
   *
   * @throws NibbleException when it cannot be written, or another process works in it
   */
  public static WorkDirectory open(Path output) {
    Path root = beside(output);
    FileChannel channel = null;
    try {
      for (String part : List.of("units", "streams", "tuning", "output")) {
        Files.createDirectories(root.resolve(part));
      }
      channel =
          FileChannel.open(
              root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (tryLock(channel) != null) {
        return new WorkDirectory(root, channel);
      }
      channel.close();
    } catch (IOException e) {
      closeQuietly(channel, e);
      throw DiskTrouble.writing(root, e);
    }
    throw new NibbleException(
        "another run is writing "
            + output
            + " at this moment; wait for it or choose another output",
        NibbleException.RESOURCES,
        null);
  }

  private static FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // held by this very process
    }
  }

  private static void closeQuietly(FileChannel channel, IOException reason) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        reason.addSuppressed(e);
      }
    }
  }

  /** The folder itself. */
  public Path root() {
    return root;
  }

  /** File of the run's identity. */
  Path identity() {
    return root.resolve("run.json");
  }

  /** Finished blocks. */
  Path units() {
    return root.resolve("units");
  }

  /** Activations between blocks. */
  public Path streams() {
    return root.resolve("streams");
  }

  /** Checkpoints of whole-model training. */
  public Path tuning() {
    return root.resolve("tuning");
  }

  /** The artefact under construction. */
  public Path output() {
    return root.resolve("output");
  }

  /** Forgets everything but the lock. */
  public void clear() {
    delete(identity()); // first: without it nothing else counts
    for (Path part : List.of(units(), streams(), tuning(), output())) {
      clear(part);
    }
  }

  /** Removes what is in a folder of this directory. */
  public void clear(Path folder) {
    if (!Files.exists(folder)) {
      return; // the output has been published
    }
    try (Stream<Path> entries = Files.walk(folder)) {
      entries
          .filter(p -> !p.equals(folder))
          .sorted(Comparator.reverseOrder())
          .forEach(WorkDirectory::delete);
    } catch (IOException e) {
      throw DiskTrouble.writing(folder, e);
    }
  }

  private static void delete(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      throw DiskTrouble.writing(path, e);
    }
  }

  /** Removes the folder with all that is in it, and closes it. */
  public void delete() {
    clear();
    for (Path part : List.of(units(), streams(), tuning(), output())) {
      delete(part);
    }
    close();
    delete(root.resolve("lock"));
    delete(root);
  }

  /** Unlocks; the work stays. */
  @Override
  public void close() {
    try {
      lockFile.close();
    } catch (IOException e) {
      throw DiskTrouble.writing(root, e);
    }
  }
}
