package dev.nibble.io.gguf;

import dev.nibble.core.ModelFormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** A position in the header of a file; every step is checked against what is left. */
final class GgufCursor {
  /** Longest single string: a chat template or a merge rule is far shorter. */
  private static final long MAX_STRING = 1 << 26;

  /** Elements of all arrays of a file together; real vocabularies have under a million. */
  private static final long MAX_ARRAY_ELEMENTS = 1 << 24;

  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LE64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path file;
  private final MemorySegment data;
  private long position;
  private long arrayElements;

  GgufCursor(Path file, MemorySegment data) {
    this.file = file;
    this.data = data;
  }

  Path file() {
    return file;
  }

  long position() {
    return position;
  }

  ModelFormatException problem(String element, String text) {
    return new ModelFormatException(file, element, text);
  }

  private void need(long bytes, String what) {
    if (bytes < 0 || bytes > data.byteSize() - position) {
      throw problem(
          what,
          "the file ends early: "
              + Long.toUnsignedString(bytes)
              + " bytes wanted at offset "
              + position
              + " of "
              + data.byteSize()
              + "; it is truncated or damaged, get it again");
    }
  }

  int i32(String what) {
    need(4, what);
    int value = data.get(LE32, position);
    position += 4;
    return value;
  }

  long i64(String what) {
    need(8, what);
    long value = data.get(LE64, position);
    position += 8;
    return value;
  }

  /** A count of things that take at least {@code minimumBytes} each. */
  long count(String what, int minimumBytes) {
    long count = i64(what);
    if (count < 0 || count > (data.byteSize() - position) / minimumBytes) {
      throw problem(
          what,
          Long.toUnsignedString(count)
              + " cannot fit into the "
              + (data.byteSize() - position)
              + " bytes that follow; the file is truncated or damaged");
    }
    return count;
  }

  String string(String what) {
    long length = i64(what);
    if (length < 0 || length > MAX_STRING) {
      throw problem(
          what, "a string of " + Long.toUnsignedString(length) + " bytes is not plausible");
    }
    return new String(bytes(length, what), StandardCharsets.UTF_8);
  }

  private byte[] bytes(long length, String what) {
    need(length, what);
    byte[] bytes = data.asSlice(position, length).toArray(ValueLayout.JAVA_BYTE);
    position += length;
    return bytes;
  }

  GgufValue value(String key) {
    GgufValueType type = type(key);
    return type == GgufValueType.ARRAY ? array(key) : new GgufValue.Scalar(type, scalar(type, key));
  }

  private GgufValueType type(String key) {
    int id = i32(key);
    GgufValueType type = GgufValueType.ofId(id);
    if (type == null) {
      throw problem(key, "value type " + id + " is unknown; types 0 to 12 are defined");
    }
    return type;
  }

  private Object scalar(GgufValueType type, String key) {
    return type == GgufValueType.STRING
        ? string(key)
        : new NumberList(type, bytes(type.bytes(), key)).getFirst();
  }

  private GgufValue array(String key) {
    GgufValueType type = type(key);
    if (type == GgufValueType.ARRAY) {
      throw problem(key, "arrays of arrays are not supported");
    }
    boolean strings = type == GgufValueType.STRING;
    long count = count(key, strings ? 8 : type.bytes());
    arrayElements += count;
    if (arrayElements > MAX_ARRAY_ELEMENTS) {
      throw problem(key, "metadata arrays of more than " + MAX_ARRAY_ELEMENTS + " elements");
    }
    if (!strings) {
      return new GgufValue.Array(type, new NumberList(type, bytes(count * type.bytes(), key)));
    }
    String[] values = new String[(int) count];
    for (int i = 0; i < values.length; i++) {
      values[i] = string(key);
    }
    return new GgufValue.Array(type, List.copyOf(Arrays.asList(values)));
  }
}
