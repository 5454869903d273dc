package dev.nibble.eval.divergence;

import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A file of rows being written, at any positions and by several threads. It appears under its name
 * only when {@link #commit} is called; closing it earlier leaves nothing behind.
 */
final class RowFile implements AutoCloseable {
  private final Path path;
  private final Path part;
  private final FileChannel channel;

  RowFile(Path path) {
    this.path = path;
    this.part = path.resolveSibling(path.getFileName() + ".part");
    try {
      channel =
          FileChannel.open(
              part,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** Writes the remaining bytes of the buffer at {@code position}. */
  void write(long position, ByteBuffer bytes) {
    try {
      long at = position;
      while (bytes.hasRemaining()) {
        at += channel.write(bytes, at);
      }
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /** Gives the file its name. */
  void commit() {
    try {
      channel.force(true);
      Files.move(part, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private NibbleException failure(IOException e) {
    return new NibbleException(
        path + ": the original's predictions cannot be written: " + e,
        NibbleException.RESOURCES,
        e);
  }

  @Override
  public void close() {
    try {
      channel.close();
      Files.deleteIfExists(part);
    } catch (IOException e) {
      throw failure(e);
    }
  }
}
