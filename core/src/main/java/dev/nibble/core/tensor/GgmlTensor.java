package dev.nibble.core.tensor;

import dev.nibble.core.ggml.GgmlType;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Objects;

/**
 * Rows of ggml blocks: each row is {@code columns / type.blockElements()} blocks one after the
 * other, as in a GGUF file.
 *
 * @param shape logical shape, slowest axis first (the reverse of GGUF's order)
 * @param type block type
 * @param data exactly {@code rows * type.rowBytes(columns)} bytes
 */
public record GgmlTensor(long[] shape, GgmlType type, MemorySegment data) implements PackedTensor {

  /** Checks sizes. */
  public GgmlTensor {
    shape = shape.clone();
    long rows = 1;
    for (int i = 0; i < shape.length - 1; i++) {
      rows = Math.multiplyExact(rows, shape[i]);
    }
    long columns = shape.length == 0 ? 1 : shape[shape.length - 1];
    if (data.byteSize() != Math.multiplyExact(rows, type.rowBytes(columns))) {
      throw new IllegalArgumentException(
          type
              + " tensor of "
              + rows
              + " x "
              + columns
              + " cannot have "
              + data.byteSize()
              + " bytes");
    }
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
    return type.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public void dequantize(long fromRow, long toRow, float[] out, int offset) {
    Objects.checkFromToIndex(fromRow, toRow, rows());
    int columns = columns();
    Objects.checkFromIndexSize(offset, Math.toIntExact((toRow - fromRow) * columns), out.length);
    long rowBytes = type.rowBytes(columns);
    for (long r = fromRow; r < toRow; r++) {
      type.dequantize(data, r * rowBytes, out, offset, columns);
      offset += columns;
    }
  }
}
