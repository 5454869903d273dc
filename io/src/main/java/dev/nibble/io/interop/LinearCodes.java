package dev.nibble.io.interop;

import dev.nibble.core.format.IntFormat;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffinePacker;
import dev.nibble.core.tensor.AffineTensor;
import java.util.Arrays;

/**
 * What every integer layout says about a linear, before it is packed: {@code value[r, c] = scale[r,
 * g(c)] * (code[r, c] - zero[r, g(c)])} with {@code g(c) = c / groupSize}, or the given group.
 * {@code G = ceil(columns / groupSize)}.
 *
 * @param rows output channels
 * @param columns input channels
 * @param bits 2 to 8
 * @param groupSize columns per group, 0 for one scale for the tensor
 * @param codes unsigned, {@code [rows, columns]}
 * @param scaleFormat storage of the scales
 * @param scales {@code [rows, G]}, or one
 * @param zeros {@code [rows, G]} in {@code [0, 2^bits)}, or one
 * @param groupIndex group of each column, or null for consecutive groups
 */
record LinearCodes(
    int rows,
    int columns,
    int bits,
    int groupSize,
    byte[] codes,
    ScaleFormat scaleFormat,
    float[] scales,
    int[] zeros,
    int[] groupIndex) {

  /**
   * The stored form. Zero-points that all are the middle code become the symmetric form, and a
   * group index that only counts up is dropped: both mean the same.
   */
  AffineTensor pack() {
    int middle = 1 << (bits - 1);
    boolean symmetric = Arrays.stream(zeros).allMatch(z -> z == middle);
    Granularity granularity =
        groupSize == 0
            ? Granularity.TENSOR
            : groupSize >= columns ? Granularity.CHANNEL : Granularity.GROUP;
    QuantSpec spec =
        new QuantSpec(
            new IntFormat(bits, true),
            granularity,
            granularity == Granularity.GROUP ? groupSize : 0,
            symmetric,
            scaleFormat);
    return AffinePacker.pack(
        new long[] {rows, columns},
        spec,
        codes,
        scales,
        symmetric ? null : zeros,
        consecutive() ? null : groupIndex);
  }

  private boolean consecutive() {
    if (groupIndex == null) {
      return true;
    }
    for (int c = 0; c < columns; c++) {
      if (groupIndex[c] != c / groupSize) {
        return false;
      }
    }
    return true;
  }
}
