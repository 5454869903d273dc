package dev.nibble.io.gguf;

import dev.nibble.core.NibbleException;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.progress.Progress;
import dev.nibble.io.file.AtomicFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes version 3 files in one pass. Tensor data is asked for in runs of rows of a few MiB, so the
 * model never has to be in memory; the file appears under its name only when it is complete.
 */
public final class GgufWriter {
  private static final long RUN_BYTES = 4 << 20;

  private GgufWriter() {}

  /**
   * A tensor to be written.
   *
   * @param name 1 to 63 bytes of UTF-8, unique
   * @param shape slowest axis first
   * @param type stored type
   * @param rows its bytes
   */
  public record Tensor(String name, long[] shape, GgmlType type, RowSource rows) {

    /** Copies the array and checks the name. */
    public Tensor {
      shape = shape.clone();
      int length = name.getBytes(StandardCharsets.UTF_8).length;
      if (length == 0 || length > GgufFile.MAX_NAME_BYTES) {
        throw new NibbleException(
            "the tensor name '"
                + name
                + "' has "
                + length
                + " bytes, but GGUF readers take 1 to "
                + GgufFile.MAX_NAME_BYTES
                + "; rename the tensor");
      }
    }

    @Override
    public long[] shape() {
      return shape.clone();
    }

    /** Product of all axes but the last. */
    public long rowCount() {
      long rows = 1;
      for (int i = 0; i < shape.length - 1; i++) {
        rows *= shape[i];
      }
      return rows;
    }

    /** Bytes of one row. */
    public long rowBytes() {
      return type.rowBytes(shape.length == 0 ? 1 : shape[shape.length - 1]);
    }

    /** Bytes of all rows. */
    public long byteSize() {
      return rowCount() * rowBytes();
    }
  }

  /** Supplier of a tensor's stored bytes. */
  @FunctionalInterface
  public interface RowSource {
    /** The bytes of rows {@code [from, to)}, exactly {@code (to - from) * rowBytes} of them. */
    MemorySegment rows(long from, long to);
  }

  /**
   * Writes {@code target}, replacing an existing file. The data alignment is the metadata's {@code
   * general.alignment}, else 32.
   *
   * @throws NibbleException when the file cannot be written
   */
  public static void write(
      Path target, Map<String, GgufValue> metadata, List<Tensor> tensors, Progress progress) {
    int alignment =
        metadata.get(GgufFile.ALIGNMENT) instanceof GgufValue.Scalar s
            ? ((Number) s.plain()).intValue()
            : GgufFile.DEFAULT_ALIGNMENT;
    long[] offsets = new long[tensors.size()];
    Set<String> names = new HashSet<>();
    long end = 0;
    for (int i = 0; i < offsets.length; i++) {
      if (!names.add(tensors.get(i).name())) {
        throw new IllegalArgumentException("two tensors named " + tensors.get(i).name());
      }
      offsets[i] = end;
      end = Math.ceilDiv(end + tensors.get(i).byteSize(), alignment) * alignment;
    }
    byte[] header = GgufHeader.of(metadata, tensors, offsets, alignment);
    AtomicFile.write(target, channel -> writeData(channel, header, tensors, alignment, progress));
  }

  private static void writeData(
      FileChannel channel, byte[] header, List<Tensor> tensors, int alignment, Progress progress)
      throws IOException {
    long total = tensors.stream().mapToLong(Tensor::byteSize).sum();
    try (Progress.Task task = progress.start("write gguf", total, "bytes")) {
      AtomicFile.writeFully(channel, ByteBuffer.wrap(header));
      for (Tensor tensor : tensors) {
        writeTensor(channel, tensor, task);
        long padding = Math.floorMod(-tensor.byteSize(), (long) alignment);
        AtomicFile.writeFully(channel, ByteBuffer.allocate((int) padding));
      }
    }
  }

  private static void writeTensor(FileChannel channel, Tensor tensor, Progress.Task task)
      throws IOException {
    long rowBytes = tensor.rowBytes();
    long rows = tensor.rowCount();
    long run = Math.max(1, RUN_BYTES / rowBytes);
    for (long from = 0; from < rows; from += run) {
      long to = Math.min(rows, from + run);
      MemorySegment bytes = tensor.rows().rows(from, to);
      if (bytes.byteSize() != (to - from) * rowBytes) {
        throw new IllegalStateException(
            tensor.name() + ": " + bytes.byteSize() + " bytes for " + (to - from) + " rows");
      }
      AtomicFile.writeFully(channel, bytes.asByteBuffer());
      task.advance(bytes.byteSize());
    }
  }
}
