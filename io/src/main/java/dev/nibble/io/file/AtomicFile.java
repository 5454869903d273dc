package dev.nibble.io.file;

import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Replaces a file in one step: the content goes to a hidden file beside the target, is forced to
 * the disk, and takes the target's name by an atomic rename. Whatever goes wrong, the hidden file
 * is removed and the target keeps its old content.
 */
public final class AtomicFile {
  private AtomicFile() {}

  /** Writer of a file's content. */
  @FunctionalInterface
  public interface Content {
    /** Writes everything to {@code channel}, which is at position 0 of an empty file. */
    void writeTo(FileChannel channel) throws IOException;
  }

  /**
   * Writes {@code target}, replacing an existing file.
   *
   * @throws NibbleException of kind {@link NibbleException#RESOURCES} when the disk is full or the
   *     place cannot be written
   */
  public static void write(Path target, Content content) {
    Path absolute = target.toAbsolutePath();
    Path partial = absolute.resolveSibling("." + absolute.getFileName() + ".partial");
    try {
      try {
        try (FileChannel channel =
            FileChannel.open(
                partial,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
          content.writeTo(channel);
          channel.force(true);
        }
        Files.move(
            partial, absolute, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        forceDirectory(absolute.getParent());
      } finally {
        Files.deleteIfExists(partial);
      }
    } catch (IOException e) {
      throw DiskTrouble.writing(target, e);
    }
  }

  /** {@link #write(Path, Content)} of bytes that are at hand. */
  public static void write(Path target, byte[] bytes) {
    write(target, channel -> writeFully(channel, ByteBuffer.wrap(bytes)));
  }

  /** Writes all remaining bytes. */
  public static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** Makes the rename itself durable, where the system can open a directory for that. */
  private static void forceDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (AccessDeniedException e) {
      // Windows does not open directories, and has no such promise to make.
      return;
    }
  }
}
