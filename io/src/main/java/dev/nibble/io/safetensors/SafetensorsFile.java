package dev.nibble.io.safetensors;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.json.JsonFields;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Set;

/**
 * A mapped safetensors file.
 *
 * <pre>
 * header length  u64, little-endian
 * header         UTF-8 JSON object, possibly padded with spaces:
 *                { "name": { "dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12] }, ...,
 *                  "__metadata__": { "key": "text", ... } }
 * data           little-endian, row-major; offsets count from here, without overlap or hole
 * </pre>
 *
 * <p>{@link #open} checks the whole header; tensors are views of the mapping, valid until {@link
 * #close()}. Safe to read from any thread.
 */
public final class SafetensorsFile implements TensorSource {
  /** Longest header: the limit of the reference reader. */
  static final long MAX_HEADER_BYTES = 100_000_000;

  private static final ValueLayout.OfLong LE64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path path;
  private final Arena arena;
  private final MemorySegment data;
  private final long byteSize;
  private final SafetensorsHeader header;

  private SafetensorsFile(Path path, Arena arena, MemorySegment whole) {
    this.path = path;
    this.arena = arena;
    this.byteSize = whole.byteSize();
    long length = byteSize < Long.BYTES ? -1 : whole.get(LE64, 0);
    if (length < 2 || length > MAX_HEADER_BYTES || length > byteSize - Long.BYTES) {
      throw new ModelFormatException(
          path,
          "header length",
          byteSize < Long.BYTES
              ? "the file has only " + byteSize + " bytes; it is truncated, get it again"
              : Long.toUnsignedString(length)
                  + " is impossible in a file of "
                  + byteSize
                  + " bytes; this is no safetensors file, or a truncated one");
    }
    this.data = whole.asSlice(Long.BYTES + length);
    byte[] text = whole.asSlice(Long.BYTES, length).toArray(ValueLayout.JAVA_BYTE);
    this.header = SafetensorsHeader.read(path, text, data.byteSize());
  }

  /**
   * Maps {@code path} and checks its header.
   *
   * @throws ModelFormatException when it is not a readable safetensors file, with the place and the
   *     reason
   */
  public static SafetensorsFile open(Path path) {
    if (Files.isDirectory(path)) {
      throw new ModelFormatException(path, "", "is a directory, not a safetensors file");
    }
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      MemorySegment whole = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      return new SafetensorsFile(path, arena, whole);
    } catch (NoSuchFileException e) {
      arena.close();
      throw new ModelFormatException(path, "", "there is no such file", e);
    } catch (IOException e) {
      arena.close();
      throw new ModelFormatException(path, "", "cannot be read: " + e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /** The file. */
  public Path path() {
    return path;
  }

  /** Size of the whole file. */
  public long byteSize() {
    return byteSize;
  }

  /** The free-form texts of the header; unmodifiable. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  @Override
  public Set<String> names() {
    return header.tensors().keySet();
  }

  @Override
  public Info info(String name) {
    Info info = header.tensors().get(name);
    if (info == null) {
      throw new ModelFormatException(
          path, JsonFields.shown(name), "the file has no such tensor; it is incomplete");
    }
    return info;
  }

  @Override
  public DenseTensor tensor(String name) {
    Info info = info(name);
    return new DenseTensor(
        info.shape(), info.dtype(), data.asSlice(info.begin(), info.end() - info.begin()));
  }

  @Override
  public Path fileOf(String name) {
    return path;
  }

  @Override
  public void close() {
    arena.close();
  }
}
