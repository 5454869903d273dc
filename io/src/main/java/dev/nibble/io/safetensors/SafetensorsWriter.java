package dev.nibble.io.safetensors;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.file.AtomicFile;
import dev.nibble.io.json.StrictJson;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes safetensors files in one pass with bounded memory. The same tensors and metadata give the
 * same bytes in whatever order they are listed: data lies by falling alignment, then by name (so
 * every tensor is aligned), metadata by key, and the header is padded with spaces so that data
 * starts at a multiple of 8 bytes and of every tensor's alignment.
 */
public final class SafetensorsWriter {
  private static final int ALIGNMENT = 8;

  /** Part of a mapped or native chunk that goes to the channel at once. */
  private static final long RUN_BYTES = 8 << 20;

  private SafetensorsWriter() {}

  /**
   * A tensor to be written.
   *
   * @param name unique, not {@code __metadata__}
   * @param dtype element type
   * @param shape logical shape
   * @param data its bytes, exactly {@link #byteSize()} of them
   * @param alignment power of two that divides its place in the file; when it is more than the size
   *     of an element, it divides the tensor's size, too
   */
  public record Entry(String name, DType dtype, long[] shape, DataSource data, int alignment) {
    /** Copies the array. */
    public Entry {
      shape = shape.clone();
    }

    /** Aligned to its elements. */
    public Entry(String name, DType dtype, long[] shape, DataSource data) {
      this(name, dtype, shape, data, dtype.bytes());
    }

    /** An entry for a tensor that is at hand or mapped. */
    public static Entry of(String name, DenseTensor tensor) {
      return new Entry(name, tensor.dtype(), tensor.shape(), DataSource.of(tensor.data()));
    }

    @Override
    public long[] shape() {
      return shape.clone();
    }

    /** Bytes of the tensor. */
    public long byteSize() {
      long bytes = dtype.bytes();
      for (long d : shape) {
        bytes = Math.multiplyExact(bytes, d);
      }
      return bytes;
    }
  }

  /**
   * Writes {@code target}, replacing an existing file atomically.
   *
   * @throws NibbleException of kind {@link NibbleException#RESOURCES} when the disk is full or the
   *     place cannot be written; the target then is as it was
   * @throws IllegalArgumentException when two entries share a name
   */
  public static void write(
      Path target, Map<String, String> metadata, List<Entry> entries, Progress progress) {
    List<Entry> sorted = sorted(entries);
    byte[] header = header(metadata, sorted);
    long total = sorted.stream().mapToLong(Entry::byteSize).sum();
    AtomicFile.write(
        target,
        channel -> {
          try (Progress.Task task = progress.start("write safetensors", total, "bytes")) {
            AtomicFile.writeFully(channel, ByteBuffer.wrap(header));
            for (Entry entry : sorted) {
              writeEntry(channel, entry, task);
            }
          }
        });
  }

  /** Size of the file that {@link #write} would make, without asking for any data. */
  public static long fileSize(Map<String, String> metadata, List<Entry> entries) {
    return header(metadata, sorted(entries)).length
        + entries.stream().mapToLong(Entry::byteSize).sum();
  }

  private static List<Entry> sorted(List<Entry> entries) {
    return entries.stream()
        .sorted(Comparator.comparingInt((Entry e) -> -e.alignment()).thenComparing(Entry::name))
        .toList();
  }

  private static byte[] header(Map<String, String> metadata, List<Entry> entries) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    if (!metadata.isEmpty()) {
      ObjectNode texts = root.putObject("__metadata__");
      new TreeMap<>(metadata).forEach(texts::put);
    }
    long at = 0;
    for (Entry entry : entries) {
      if (root.has(entry.name())) {
        throw new IllegalArgumentException("two tensors named " + entry.name());
      }
      ObjectNode node = root.putObject(entry.name());
      node.put("dtype", entry.dtype().name());
      ArrayNode shape = node.putArray("shape");
      for (long d : entry.shape()) {
        shape.add(d);
      }
      long end = at + entry.byteSize();
      node.putArray("data_offsets").add(at).add(end);
      at = end;
    }
    byte[] json = StrictJson.compact(root).getBytes(StandardCharsets.UTF_8);
    int alignment = entries.stream().mapToInt(Entry::alignment).reduce(ALIGNMENT, Math::max);
    int padded = Math.ceilDiv(Long.BYTES + json.length, alignment) * alignment - Long.BYTES;
    if (padded > SafetensorsFile.MAX_HEADER_BYTES) {
      throw new NibbleException(
          "the header of "
              + entries.size()
              + " tensors would have "
              + padded
              + " bytes, but readers take at most "
              + SafetensorsFile.MAX_HEADER_BYTES);
    }
    ByteBuffer out =
        ByteBuffer.allocate(Long.BYTES + padded).order(ByteOrder.LITTLE_ENDIAN).putLong(padded);
    out.put(json);
    while (out.hasRemaining()) {
      out.put((byte) ' ');
    }
    return out.array();
  }

  private static void writeEntry(FileChannel channel, Entry entry, Progress.Task task)
      throws IOException {
    long before = channel.position();
    entry
        .data()
        .writeTo(
            chunk -> {
              writeChunk(channel, chunk);
              task.advance(chunk.byteSize());
            });
    long written = channel.position() - before;
    if (written != entry.byteSize()) {
      throw new IllegalStateException(
          entry.name() + ": " + written + " bytes instead of " + entry.byteSize());
    }
  }

  private static void writeChunk(FileChannel channel, MemorySegment chunk) throws IOException {
    for (long at = 0; at < chunk.byteSize(); at += RUN_BYTES) {
      long count = Math.min(RUN_BYTES, chunk.byteSize() - at);
      AtomicFile.writeFully(channel, bytes(chunk.asSlice(at, count)));
    }
  }

  /** Only native memory and byte arrays have a byte buffer of their own; the rest is copied. */
  private static ByteBuffer bytes(MemorySegment run) {
    boolean viewable =
        run.isNative() || run.heapBase().filter(base -> base instanceof byte[]).isPresent();
    return viewable ? run.asByteBuffer() : ByteBuffer.wrap(run.toArray(ValueLayout.JAVA_BYTE));
  }
}
