package dev.nibble.core.tensor;

import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Objects;

/**
 * Plain values of one element type, row-major, little-endian.
 *
 * @param shape logical shape
 * @param dtype element type
 * @param data exactly {@code elements * dtype.bytes()} bytes
 */
public record DenseTensor(long[] shape, DType dtype, MemorySegment data) implements PackedTensor {

  /** Checks that the data has exactly the size that shape and element type ask for. */
  public DenseTensor {
    shape = shape.clone();
    long elements = 1;
    for (long d : shape) {
      elements = Math.multiplyExact(elements, d);
    }
    if (data.byteSize() != elements * dtype.bytes()) {
      throw new IllegalArgumentException(
          "dense tensor of "
              + elements
              + " x "
              + dtype
              + " cannot have "
              + data.byteSize()
              + " bytes");
    }
  }

  /** An F32 tensor over a heap array (not copied). */
  public static DenseTensor of(float[] values, long... shape) {
    return new DenseTensor(shape, DType.F32, MemorySegment.ofArray(values));
  }

  /** A copy of {@code values} rounded to {@code dtype} on the heap. */
  public static DenseTensor rounded(float[] values, DType dtype, long... shape) {
    MemorySegment data =
        MemorySegment.ofArray(new byte[Math.multiplyExact(values.length, dtype.bytes())]);
    for (int i = 0; i < values.length; i++) {
      dtype.set(data, i, values[i]);
    }
    return new DenseTensor(shape, dtype, data);
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  @Override
  public long byteSize() {
    return data.byteSize();
  }

  @Override
  public String typeName() {
    return dtype.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public void dequantize(long fromRow, long toRow, float[] out, int offset) {
    Objects.checkFromToIndex(fromRow, toRow, rows());
    int columns = columns();
    long first = fromRow * columns;
    int count = Math.toIntExact((toRow - fromRow) * columns);
    Objects.checkFromIndexSize(offset, count, out.length);
    if (dtype == DType.F32) {
      MemorySegment.copy(
          data, java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED, first * 4, out, offset, count);
      return;
    }
    for (int i = 0; i < count; i++) {
      out[offset + i] = dtype.get(data, first + i);
    }
  }
}
