package dev.nibble.core.tensor;

import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;

/** Builds {@link TableTensor}s from plain arrays, on the heap. */
public final class TablePacker {
  private TablePacker() {}

  /**
   * Packs codes that were computed with exactly these scales; the table holds the levels of the
   * spec's format.
   *
   * @param shape logical shape; rows and columns as in {@link PackedTensor}
   * @param spec a spec that is not affine
   * @param codes unsigned, {@code [rows, columns]}; bits above {@code spec.bits()} are ignored
   * @param scales {@code [rows, G]}, each a value of the spec's scale format
   * @throws IllegalArgumentException when a length or scale breaks these rules
   */
  public static TableTensor pack(long[] shape, QuantSpec spec, byte[] codes, float[] scales) {
    return pack(shape, spec, 1f, codes, scales);
  }

  /**
   * As the other method, with a scale of the whole tensor, which the table takes: level c is {@code
   * tensorScale * format.decode(c)}.
   */
  public static TableTensor pack(
      long[] shape, QuantSpec spec, float tensorScale, byte[] codes, float[] scales) {
    if (spec.affine()) {
      throw new IllegalArgumentException(spec.text() + " is not a table spec");
    }
    float[] levels = spec.format().levels();
    for (int c = 0; c < levels.length; c++) {
      levels[c] *= tensorScale;
    }
    int groupSize = spec.groupColumns(GroupLayout.of(shape, 0).columns());
    return pack(shape, spec.format().name(), levels, groupSize, spec.scaleFormat(), codes, scales);
  }

  /**
   * As the others, for levels that no spec has.
   *
   * @param name of the levels
   * @param levels {@code 2^bits} values
   * @param groupSize columns per group, or 0 for one scale for the whole tensor
   */
  public static TableTensor pack(
      long[] shape,
      String name,
      float[] levels,
      int groupSize,
      ScaleFormat scaleFormat,
      byte[] codes,
      float[] scales) {
    GroupLayout layout = GroupLayout.of(shape, groupSize);
    int bits = Integer.numberOfTrailingZeros(levels.length);
    return new TableTensor(
        shape,
        name,
        levels,
        bits,
        groupSize,
        scaleFormat,
        PackedParts.codes(codes, layout, bits),
        PackedParts.scales(scales, layout, scaleFormat));
  }
}
