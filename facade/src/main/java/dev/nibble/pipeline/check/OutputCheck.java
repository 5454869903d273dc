package dev.nibble.pipeline.check;

import dev.nibble.core.NibbleException;
import dev.nibble.io.file.ByteCount;
import dev.nibble.io.file.DiskTrouble;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Whether an artefact can be written where the user wants it. */
public final class OutputCheck {
  private OutputCheck() {}

  /**
   * The output must be absent or an empty folder, in a folder that exists and can be written.
   *
   * @throws NibbleException saying which of this is not so
   */
  public static void place(Path output) {
    Path parent = output.toAbsolutePath().normalize().getParent();
    if (parent == null || !Files.isDirectory(parent)) {
      throw refuse("the folder " + parent + " for the output does not exist; create it first");
    }
    if (!Files.isWritable(parent)) {
      throw refuse(
          "the folder " + parent + " for the output cannot be written; choose another output");
    }
    if (Files.exists(output) && !isEmptyFolder(output)) {
      throw refuse(
          "the output "
              + output
              + " exists and is not an empty folder; choose another, or remove it first");
    }
  }

  private static boolean isEmptyFolder(Path output) {
    if (!Files.isDirectory(output)) {
      return false;
    }
    try (Stream<Path> entries = Files.list(output)) {
      return entries.findAny().isEmpty();
    } catch (IOException e) {
      throw DiskTrouble.reading(output, e);
    }
  }

  /**
   * Compares the space that a run still needs with what the disk has.
   *
   * @param folder existing folder on that disk
   * @param needed bytes still to be written at the peak
   * @throws NibbleException with both figures when it does not fit
   */
  public static void space(Path folder, long needed) {
    long free;
    try {
      free = Files.getFileStore(folder).getUsableSpace();
    } catch (IOException e) {
      throw DiskTrouble.writing(folder, e);
    }
    if (free < needed) {
      throw refuse(
          "the run needs "
              + ByteCount.text(needed)
              + " of disk space in "
              + folder
              + " but only "
              + ByteCount.text(free)
              + " are free; free some or choose another output");
    }
  }

  private static NibbleException refuse(String message) {
    return new NibbleException(message, NibbleException.RESOURCES, null);
  }
}
