package dev.nibble.io.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Bytes of the part of a file before its data. The field order is stated at {@link GgufFile}. */
final class GgufHeader {
  private static final int VERSION = 3;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteBuffer number = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

  private GgufHeader() {}

  /** Header with {@code offsets} relative to the data start, padded to {@code alignment}. */
  static byte[] of(
      Map<String, GgufValue> metadata,
      List<GgufWriter.Tensor> tensors,
      long[] offsets,
      int alignment) {
    GgufHeader header = new GgufHeader();
    header.i32(GgufFile.MAGIC);
    header.i32(VERSION);
    header.i64(tensors.size());
    header.i64(metadata.size());
    metadata.forEach(header::key);
    for (int i = 0; i < offsets.length; i++) {
      header.tensor(tensors.get(i), offsets[i]);
    }
    while (header.out.size() % alignment != 0) {
      header.out.write(0);
    }
    return header.out.toByteArray();
  }

  private void key(String name, GgufValue value) {
    string(name);
    switch (value) {
      case GgufValue.Scalar s -> {
        i32(s.type().id());
        scalar(s.type(), s.plain());
      }
      case GgufValue.Array a -> {
        i32(GgufValueType.ARRAY.id());
        i32(a.elementType().id());
        i64(a.plain().size());
        for (Object element : a.plain()) {
          scalar(a.elementType(), element);
        }
      }
    }
  }

  private void scalar(GgufValueType type, Object value) {
    switch (type) {
      case STRING -> string((String) value);
      case BOOL -> out.write((Boolean) value ? 1 : 0);
      case U8, I8 -> out.write(((Number) value).intValue());
      case U16, I16 -> put(2, ((Number) value).longValue());
      case U32, I32 -> put(4, ((Number) value).longValue());
      case U64, I64 -> put(8, ((Number) value).longValue());
      case F32 -> i32(Float.floatToRawIntBits((Float) value));
      case F64 -> i64(Double.doubleToRawLongBits((Double) value));
      case ARRAY -> throw new IllegalArgumentException("an array is not a scalar");
    }
  }

  private void tensor(GgufWriter.Tensor tensor, long offset) {
    string(tensor.name());
    long[] shape = tensor.shape();
    i32(shape.length);
    for (int i = shape.length - 1; i >= 0; i--) {
      i64(shape[i]);
    }
    i32(tensor.type().id());
    i64(offset);
  }

  private void string(String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    i64(bytes.length);
    out.writeBytes(bytes);
  }

  private void i32(int value) {
    put(4, value);
  }

  private void i64(long value) {
    put(8, value);
  }

  private void put(int bytes, long value) {
    out.write(number.putLong(0, value).array(), 0, bytes);
  }
}
