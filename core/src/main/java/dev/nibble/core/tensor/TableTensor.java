package dev.nibble.core.tensor;

import dev.nibble.core.spec.QuantSpec;
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
 * @param levels {@code 2^bits} values; those of the format, times the scale of the whole tensor
 *     where the format has one (NVFP4)
 * @param bits bits per code, 1 to 8
 * @param groupSize columns per group; {@code columns} for per channel; 0 for one scale for the
 *     whole tensor
 * @param scaleFormat storage of the scales
 * @param codes bit streams, a row padded to whole 32-bit words
 * @param scales {@code [rows, G]}, or one
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
    if (bits < 1 || bits > 8 || groupSize < 0) {
      throw new IllegalArgumentException(
          "codes of " + bits + " bits in groups of " + groupSize + " are not stored as a table");
    }
    GroupLayout layout = GroupLayout.of(shape, groupSize);
    layout.requireBytes("codes", layout.codeBytes(bits), codes);
    layout.requireBytes(
        "scales", Math.multiplyExact(layout.scales(), (long) scaleFormat.bytes()), scales);
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
    boolean blocks = scaleFormat == ScaleFormat.E8M0 || scaleFormat == ScaleFormat.E4M3;
    boolean channel = groupSize >= columns() && !blocks;
    String group = groupSize == 0 ? "tensor" : channel ? "channel" : "g" + groupSize;
    return QuantSpec.text(name, group, "", scaleFormat);
  }

  @Override
  public void dequantize(long fromRow, long toRow, float[] out, int offset) {
    Objects.checkFromToIndex(fromRow, toRow, rows());
    int columns = columns();
    Objects.checkFromIndexSize(offset, Math.toIntExact((toRow - fromRow) * columns), out.length);
    int stride = Math.toIntExact(AffineTensor.rowStride(columns, bits));
    int width = groupSize == 0 ? columns : groupSize;
    int groups = Math.ceilDiv(columns, width);
    byte[] packed = new byte[stride];
    byte[] row = new byte[columns];
    for (long r = fromRow; r < toRow; r++, offset += columns) {
      MemorySegment.copy(codes, ValueLayout.JAVA_BYTE, r * stride, packed, 0, stride);
      BitPacking.unpack(packed, 0, columns, bits, row);
      for (int g = 0, from = 0; g < groups; g++, from += width) {
        float scale = scaleFormat.get(scales, groupSize == 0 ? 0 : r * groups + g);
        int to = Math.min(columns, from + width);
        for (int c = from; c < to; c++) {
          out[offset + c] = scale * levels[row[c] & 0xff];
        }
      }
    }
  }
}
