package dev.nibble.eval.divergence;

import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The fp32 logits of one window, outside the heap: in memory while they are few, in a temporary
 * file (page cache) when they are many. Rows may be written and read by several threads.
 */
final class RowStore implements AutoCloseable {
  private static final long IN_MEMORY = 256L << 20;

  private final Arena arena = Arena.ofShared();
  private final long rowBytes;
  private final MemorySegment memory;
  private final FileChannel file;
  private final Path path;

  /**
   * @param rows most rows of a window
   * @param columns floats of a row
   */
  RowStore(int rows, int columns) {
    this(rows, columns, IN_MEMORY);
  }

  /** As the other, with the most bytes to keep in memory. */
  RowStore(int rows, int columns, long inMemory) {
    this.rowBytes = 4L * columns;
    long bytes = rowBytes * rows;
    if (bytes <= inMemory) {
      memory = arena.allocate(bytes, 64);
      file = null;
      path = null;
      return;
    }
    try {
      path = Files.createTempFile("nibble-rows", ".tmp");
      file =
          FileChannel.open(
              path,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
      file.write(ByteBuffer.allocate(1), bytes - 1);
      memory = file.map(FileChannel.MapMode.READ_ONLY, 0, bytes, arena);
    } catch (IOException e) {
      throw failure(e);
    }
  }

  void write(int row, float[] from, int offset) {
    MemorySegment source = MemorySegment.ofArray(from).asSlice(4L * offset, rowBytes);
    if (file == null) {
      MemorySegment.copy(source, 0, memory, row * rowBytes, rowBytes);
      return;
    }
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(rowBytes));
    MemorySegment.copy(source, 0, MemorySegment.ofBuffer(bytes), 0, rowBytes);
    try {
      long at = row * rowBytes;
      while (bytes.hasRemaining()) {
        at += file.write(bytes, at);
      }
    } catch (IOException e) {
      throw failure(e);
    }
  }

  void read(int row, float[] into) {
    MemorySegment.copy(memory, ValueLayout.JAVA_FLOAT, row * rowBytes, into, 0, into.length);
  }

  private static NibbleException failure(IOException e) {
    return new NibbleException(
        "cannot keep the original's logits in the temporary directory "
            + System.getProperty("java.io.tmpdir")
            + ": "
            + e.getMessage(),
        NibbleException.RESOURCES,
        e);
  }

  @Override
  public void close() {
    arena.close();
    if (file != null) {
      try {
        file.close();
      } catch (IOException e) {
        throw failure(e);
      }
    }
  }
}
