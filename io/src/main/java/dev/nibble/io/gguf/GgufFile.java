package dev.nibble.io.gguf;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.io.json.JsonFields;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * A mapped GGUF file of version 2 or 3, little-endian.
 *
 * <pre>
 * "GGUF" | version u32 | tensors u64 | keys u64
 * keys x    { key string | type u32 | value }       string = length u64, UTF-8 bytes
 *                                                   array  = type u32, count u64, values
 * tensors x { name string | dims u32 | u64 each, fastest axis first | type u32 | offset u64 }
 * padding to general.alignment (32 when absent)
 * data; offsets count from here and are multiples of the alignment
 * </pre>
 *
 * <p>The header is read and checked completely by {@link #open}; tensor data is a view of the
 * mapping, valid until {@link #close()}. Safe to read from any thread.
 */
public final class GgufFile implements AutoCloseable {
  /** First bytes of every file, as a little-endian number. */
  static final int MAGIC = 0x46554747;

  /** Metadata key of the data alignment. */
  static final String ALIGNMENT = "general.alignment";

  static final int DEFAULT_ALIGNMENT = 32;

  /** Longest name that the reference reader takes. */
  static final int MAX_NAME_BYTES = 63;

  private static final int MAX_KEY_BYTES = 65535;
  private static final int MAX_DIMENSIONS = 4;

  private final Path path;
  private final Arena arena;
  private final MemorySegment data;
  private final SequencedMap<String, GgufValue> values = new LinkedHashMap<>();
  private final Map<String, Object> metadata = new LinkedHashMap<>();
  private final SequencedMap<String, GgufTensorInfo> tensors = new LinkedHashMap<>();
  private int version;

  private GgufFile(Path path, Arena arena, MemorySegment data) {
    this.path = path;
    this.arena = arena;
    this.data = data;
  }

  /**
   * Maps {@code path} and reads its header.
   *
   * @throws ModelFormatException when it is not a readable GGUF file, with the place and the reason
   */
  public static GgufFile open(Path path) {
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      MemorySegment data = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      GgufFile file = new GgufFile(path, arena, data);
      file.readHeader();
      return file;
    } catch (IOException e) {
      arena.close();
      throw new ModelFormatException(path, "", "cannot be read: " + e.getMessage(), e);
    } catch (RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  /** The file. */
  public Path path() {
    return path;
  }

  /** Format version, 2 or 3. */
  public int version() {
    return version;
  }

  /** Metadata with stored types, in file order; unmodifiable. */
  public SequencedMap<String, GgufValue> values() {
    return Collections.unmodifiableSequencedMap(values);
  }

  /** Metadata as plain Java values (see {@link GgufValue#plain()}), in file order; unmodifiable. */
  public Map<String, Object> metadata() {
    return Collections.unmodifiableMap(metadata);
  }

  /** Tensors by name, in file order; unmodifiable. */
  public SequencedMap<String, GgufTensorInfo> tensors() {
    return Collections.unmodifiableSequencedMap(tensors);
  }

  /** The bytes of a tensor of this file. */
  public MemorySegment data(GgufTensorInfo tensor) {
    return data.asSlice(tensor.offset(), tensor.byteSize());
  }

  /** The string at {@code key}; empty when absent or of another type. */
  public Optional<String> string(String key) {
    return metadata.get(key) instanceof String s ? Optional.of(s) : Optional.empty();
  }

  @Override
  public void close() {
    arena.close();
  }

  private void readHeader() {
    GgufCursor in = new GgufCursor(path, data);
    int magic = in.i32("magic");
    if (magic != MAGIC) {
      throw in.problem("", "does not begin with the letters GGUF, so it is not a GGUF file");
    }
    version = in.i32("version");
    if (version != 2 && version != 3) {
      throw in.problem(
          "version",
          version == 1 || (version & 0xffff) != 0
              ? "version " + version + " is not supported, only 2 and 3 are; convert the file again"
              : "the file is big-endian, which is not supported; convert it to little-endian");
    }
    long tensorCount = in.count("tensor count", 24);
    long keyCount = in.count("key count", 13);
    for (long i = 0; i < keyCount; i++) {
      readKey(in, i);
    }
    long alignment = alignment(in);
    for (long i = 0; i < tensorCount; i++) {
      readTensor(in, i, alignment);
    }
    long start = Math.ceilDiv(in.position(), alignment) * alignment;
    tensors.replaceAll((name, tensor) -> place(in, tensor, start));
  }

  private void readKey(GgufCursor in, long index) {
    String key = in.string("key " + index);
    if (key.isEmpty() || key.length() > MAX_KEY_BYTES) {
      throw in.problem("key " + index, "a key must have 1 to " + MAX_KEY_BYTES + " bytes");
    }
    GgufValue value = in.value(JsonFields.shown(key));
    if (values.putIfAbsent(key, value) != null) {
      throw in.problem(JsonFields.shown(key), "the key appears twice");
    }
    metadata.put(key, value.plain());
  }

  private long alignment(GgufCursor in) {
    Object value = metadata.getOrDefault(ALIGNMENT, (long) DEFAULT_ALIGNMENT);
    long alignment = value instanceof Number n ? n.longValue() : -1;
    if (alignment < 1 || alignment > 1 << 20 || Long.bitCount(alignment) != 1) {
      throw in.problem(ALIGNMENT, "must be a power of two, but is " + value);
    }
    return alignment;
  }

  private void readTensor(GgufCursor in, long index, long alignment) {
    String name = in.string("tensor " + index);
    String shown = JsonFields.shown(name);
    int length = name.getBytes(StandardCharsets.UTF_8).length;
    if (length == 0 || length > MAX_NAME_BYTES) {
      throw in.problem(
          shown, "a tensor name must have 1 to " + MAX_NAME_BYTES + " bytes, not " + length);
    }
    int dimensions = in.i32(shown);
    if (dimensions < 0 || dimensions > MAX_DIMENSIONS) {
      throw in.problem(
          shown, Integer.toUnsignedString(dimensions) + " dimensions; at most 4 are allowed");
    }
    long[] shape = new long[dimensions];
    for (int i = dimensions - 1; i >= 0; i--) {
      shape[i] = in.i64(shown);
    }
    int id = in.i32(shown);
    GgmlType type =
        GgmlType.ofId(id)
            .orElseThrow(() -> in.problem(shown, "element type " + id + " is not supported"));
    long offset = in.i64(shown);
    if (offset < 0 || offset % alignment != 0) {
      throw in.problem(
          shown,
          "offset "
              + Long.toUnsignedString(offset)
              + " is not a multiple of the alignment "
              + alignment);
    }
    long bytes = byteSize(in, shown, shape, type);
    GgufTensorInfo info = new GgufTensorInfo(name, shape, type, offset, bytes);
    if (tensors.putIfAbsent(name, info) != null) {
      throw in.problem(shown, "the tensor name appears twice");
    }
  }

  private static long byteSize(GgufCursor in, String shown, long[] shape, GgmlType type) {
    long rows = 1;
    long columns = shape.length == 0 ? 1 : shape[shape.length - 1];
    try {
      for (int i = 0; i < shape.length; i++) {
        if (shape[i] <= 0 || shape[i] > Integer.MAX_VALUE) {
          throw in.problem(shown, "dimension " + Long.toUnsignedString(shape[i]) + " is absurd");
        }
        rows = i < shape.length - 1 ? Math.multiplyExact(rows, shape[i]) : rows;
      }
      if (columns % type.blockElements() != 0) {
        throw in.problem(
            shown,
            "rows of "
                + columns
                + " elements are not whole blocks of "
                + type.blockElements()
                + " as type "
                + type
                + " needs");
      }
      return Math.multiplyExact(rows, type.rowBytes(columns));
    } catch (ArithmeticException e) {
      throw new ModelFormatException(in.file(), shown, "the tensor is larger than 2^63 bytes", e);
    }
  }

  private GgufTensorInfo place(GgufCursor in, GgufTensorInfo t, long start) {
    long space = data.byteSize() - start;
    if (t.offset() > space || t.byteSize() > space - t.offset()) {
      throw in.problem(
          JsonFields.shown(t.name()),
          "its "
              + t.byteSize()
              + " bytes at data offset "
              + t.offset()
              + " run past the end of the file; it is truncated, get it again");
    }
    return new GgufTensorInfo(t.name(), t.shape(), t.type(), start + t.offset(), t.byteSize());
  }
}
