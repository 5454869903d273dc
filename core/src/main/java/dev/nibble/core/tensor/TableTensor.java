package dev.nibble.core.tensor;

import dev.nibble.core.spec.ScaleFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * Codes into a fixed table of levels (nf4, fp4 and other tables of up to 256 entries) with one
 * scale per group: {@code value = scale * levels[code]}. Codes and scales are laid out as in {@link
 * AffineTensor}.
 *
 * @param shape logical shape
 * @param name number format, as {@code nf4}
 * @param levels {@code 2^bits} values
 * @param bits bits per code, 1 to 8
 * @param groupSize columns per group; {@code columns} for per channel
 * @param scaleFormat storage of the scales
 * @param codes bit streams, a row padded to whole 32-bit words
 * @param scales {@code [rows, G]}
 */
public record TableTensor(
    long[] shape,
    String name,
    float[] levels,
    int bits,
    int groupSize,
    ScaleFormat scaleFormat,
    MemorySegment codes,
    MemorySegment scales)
    implements PackedTensor {

  /** Copies the arrays. */
  public TableTensor {
    shape = shape.clone();
    levels = levels.clone();
    if (levels.length != 1 << bits) {
      throw new IllegalArgumentException(
          "a table of " + bits + "-bit codes has " + (1 << bits) + " levels");
    }
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  @Override
  public float[] levels() {
    return levels.clone();
  }

  @Override
  public long byteSize() {
    return codes.byteSize() + scales.byteSize() + 4L * levels.length;
  }

  @Override
  public String typeName() {
    return name + ":g" + groupSize;
  }

  @Override
  public void dequantize(long fromRow, long toRow, float[] out, int offset) {
    Objects.checkFromToIndex(fromRow, toRow, rows());
    int columns = columns();
    Objects.checkFromIndexSize(offset, Math.toIntExact((toRow - fromRow) * columns), out.length);
    long stride = AffineTensor.rowStride(columns, bits) * 8;
    int groups = (columns + groupSize - 1) / groupSize;
    for (long r = fromRow; r < toRow; r++) {
      for (int c = 0; c < columns; c++) {
        long bit = r * stride + (long) c * bits;
        int raw = codes.get(ValueLayout.JAVA_BYTE, bit >>> 3) & 0xff;
        int shift = (int) (bit & 7);
        if (shift + bits > 8) {
          raw |= (codes.get(ValueLayout.JAVA_BYTE, (bit >>> 3) + 1) & 0xff) << 8;
        }
        int code = (raw >>> shift) & (levels.length - 1);
        out[offset++] = scaleFormat.get(scales, r * groups + c / groupSize) * levels[code];
      }
    }
  }
}
