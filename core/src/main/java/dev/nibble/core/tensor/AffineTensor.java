package dev.nibble.core.tensor;

import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * Integer codes with a scale and an optional zero-point per group: {@code value = scale * (code -
 * zero)}.
 *
 * <p>Layout. {@code rows} and {@code columns} as in {@link PackedTensor}; {@code G = ceil(columns /
 * groupSize)} groups a row, the last one possibly short.
 *
 * <ul>
 *   <li>{@code codes}: unsigned, {@code bits} each; a row is one little-endian bit stream (code c
 *       occupies bits {@code [c*bits, (c+1)*bits)} of the stream), padded to a whole number of
 *       32-bit words.
 *   <li>{@code scales}: {@code [rows, G]} in {@code scaleFormat}; a single element when {@code
 *       groupSize == 0} (one scale for the whole tensor).
 *   <li>{@code zeros}: absent for symmetric tensors, whose zero is {@code 2^(bits-1)}; else
 *       unsigned codes of {@code bits} each, one bit stream over {@code [rows, G]} (or one
 *       element), padded to a whole 32-bit word.
 *   <li>{@code groupIndex}: absent when column c belongs to group {@code c / groupSize}; else
 *       {@code int32[columns]} with the group of each column (GPTQ act-order without static
 *       groups).
 * </ul>
 *
 * @param shape logical shape
 * @param bits 1 to 8
 * @param groupSize columns per group; {@code columns} for per channel; 0 for per tensor
 * @param scaleFormat storage of the scales
 * @param codes see above
 * @param scales see above
 * @param zeros see above, or null
 * @param groupIndex see above, or null
 */
public record AffineTensor(
    long[] shape,
    int bits,
    int groupSize,
    ScaleFormat scaleFormat,
    MemorySegment codes,
    MemorySegment scales,
    MemorySegment zeros,
    MemorySegment groupIndex)
    implements PackedTensor {

  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Checks every size against the layout. */
  public AffineTensor {
    shape = shape.clone();
    if (bits < 1 || bits > 8) {
      throw new IllegalArgumentException("affine codes have 1 to 8 bits, not " + bits);
    }
    if (groupSize < 0) {
      throw new IllegalArgumentException("a group cannot have " + groupSize + " columns");
    }
    GroupLayout layout = GroupLayout.of(shape, groupSize);
    layout.requireBytes("codes", layout.codeBytes(bits), codes);
    layout.requireBytes(
        "scales", Math.multiplyExact(layout.scales(), (long) scaleFormat.bytes()), scales);
    if (zeros != null) {
      layout.requireBytes("zeros", zeroBytes(layout.scales(), bits), zeros);
    }
    if (groupIndex != null) {
      layout.requireBytes("group_index", 4L * layout.columns(), groupIndex);
      requireGroups(groupIndex, layout);
    }
  }

  private static void requireGroups(MemorySegment groupIndex, GroupLayout layout) {
    for (int c = 0; c < layout.columns(); c++) {
      int group = groupIndex.get(LE32, 4L * c);
      if (group < 0 || group >= layout.groups()) {
        throw new IllegalArgumentException(
            "group_index of column "
                + c
                + " is "
                + group
                + ", but there are "
                + layout.groups()
                + " groups");
      }
    }
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  /** True when the zero-point is the fixed middle code. */
  public boolean symmetric() {
    return zeros == null;
  }

  /** Groups per row. */
  public int groupsPerRow() {
    return groupSize == 0 ? 1 : (columns() + groupSize - 1) / groupSize;
  }

  /** Bytes between the starts of two rows of codes. */
  public static long rowStride(int columns, int bits) {
    return BitPacking.paddedBytes(columns, bits);
  }

  /** Bytes of {@code count} zero-points of {@code bits} each. */
  public static long zeroBytes(long count, int bits) {
    return BitPacking.paddedBytes(count, bits);
  }

  @Override
  public long byteSize() {
    return codes.byteSize()
        + scales.byteSize()
        + (zeros == null ? 0 : zeros.byteSize())
        + (groupIndex == null ? 0 : groupIndex.byteSize());
  }

  @Override
  public String typeName() {
    String group = groupSize == 0 ? "tensor" : groupSize >= columns() ? "channel" : "g" + groupSize;
    return QuantSpec.text("int" + bits, group, symmetric() ? ":sym" : ":asym", scaleFormat);
  }

  /** Group of a column. */
  public int groupOf(int column) {
    if (groupIndex != null) {
      return groupIndex.get(LE32, 4L * column);
    }
    return groupSize == 0 ? 0 : column / groupSize;
  }

  /** Unsigned code at (row, column). */
  public int code(long row, int column) {
    long stride = rowStride(columns(), bits);
    return BitPacking.at(codes.asSlice(row * stride, stride), column, bits);
  }

  /** Scale of a group of a row. */
  public float scale(long row, int group) {
    return scaleFormat.get(scales, groupSize == 0 ? 0 : row * groupsPerRow() + group);
  }

  /** Zero-point code of a group of a row. */
  public int zero(long row, int group) {
    if (zeros == null) {
      return 1 << (bits - 1);
    }
    return BitPacking.at(zeros, groupSize == 0 ? 0 : row * groupsPerRow() + group, bits);
  }

  @Override
  public void dequantize(long fromRow, long toRow, float[] out, int offset) {
    Objects.checkFromToIndex(fromRow, toRow, rows());
    int columns = columns();
    Objects.checkFromIndexSize(offset, Math.toIntExact((toRow - fromRow) * columns), out.length);
    int groups = groupsPerRow();
    int stride = Math.toIntExact(rowStride(columns, bits));
    byte[] packed = new byte[stride];
    byte[] row = new byte[columns];
    float[] rowScales = new float[groups];
    int[] rowZeros = new int[groups];
    int[] index = groupIndex == null ? null : groupIndex.toArray(LE32);
    for (long r = fromRow; r < toRow; r++, offset += columns) {
      MemorySegment.copy(codes, ValueLayout.JAVA_BYTE, r * stride, packed, 0, stride);
      BitPacking.unpack(packed, 0, columns, bits, row);
      for (int g = 0; g < groups; g++) {
        rowScales[g] = scale(r, g);
        rowZeros[g] = zero(r, g);
      }
      if (index == null) {
        scaleGroups(row, rowScales, rowZeros, out, offset);
      } else {
        for (int c = 0; c < columns; c++) {
          int g = index[c];
          out[offset + c] = rowScales[g] * ((row[c] & 0xff) - rowZeros[g]);
        }
      }
    }
  }

  private void scaleGroups(byte[] row, float[] scales, int[] zeros, float[] out, int offset) {
    int width = groupSize == 0 ? row.length : groupSize;
    for (int g = 0, from = 0; g < scales.length; g++, from += width) {
      float scale = scales[g];
      int zero = zeros[g];
      int to = Math.min(row.length, from + width);
      for (int c = from; c < to; c++) {
        out[offset + c] = scale * ((row[c] & 0xff) - zero);
      }
    }
  }
}
