package dev.nibble.core.tensor;

import dev.nibble.core.spec.QuantSpec;

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
    if (spec.affine()) {
      throw new IllegalArgumentException(spec.text() + " is not a table spec");
    }
    int groupSize = spec.groupColumns(GroupLayout.of(shape, 0).columns());
    GroupLayout layout = GroupLayout.of(shape, groupSize);
    return new TableTensor(
        shape,
        spec.format().name(),
        spec.format().levels(),
        spec.bits(),
        groupSize,
        spec.scaleFormat(),
        PackedParts.codes(codes, layout, spec.bits()),
        PackedParts.scales(scales, layout, spec));
  }
}
