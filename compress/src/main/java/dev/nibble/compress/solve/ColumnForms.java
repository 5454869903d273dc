package dev.nibble.compress.solve;

import dev.nibble.compress.StoredForm;
import dev.nibble.core.format.Binary;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;

/**
 * Forms of blocks of columns with specs of their own. A binary spec stands for weights of one bit
 * around the mean of a row's block.
 */
public final class ColumnForms {
  private ColumnForms() {}

  /** How a block with this spec is stored. */
  public static StoredForm of(QuantSpec spec) {
    return spec.format() instanceof Binary
        ? new BinaryForm(spec.groupSize(), false, true, spec.scaleFormat())
        : new StoredForm.OfSpec(spec, false);
  }

  /** A weight {@code [rows, columns]} with every block rounded to nearest at its width. */
  public static PackedTensor round(
      Parts parts, float[] w, int rows, int columns, RoundingOptions rounding, Workers workers) {
    return parts.solve(
        w,
        rows,
        columns,
        (values, part) -> {
          QuantSpec spec = part.spec();
          int width = parts.parts().size() == 1 ? columns : part.members().length;
          return spec.format() instanceof Binary
              ? BinaryRounding.quantize(
                  values, rows, width, spec.groupSize(), spec.scaleFormat(), workers)
              : RoundToNearest.quantize(values, new long[] {rows, width}, spec, rounding, workers);
        });
  }
}
