package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.PackedTensor;
import java.util.Arrays;

/**
 * Rows of codes in groups of whole units of 16 or 32 columns: {@code value = scale · (code −
 * zero)}. Subclasses unpack codes; the products and the scaling are here.
 */
abstract class UnitRows extends RowMajor {
  private final RowScales scales;
  private final int group;
  private final int unit;

  /**
   * Binds a weight.
   *
   * @param group columns that share a scale, as {@link #accepts} allows
   */
  UnitRows(PackedTensor weight, String kernel, int group, RowScales scales) {
    super(weight, kernel);
    this.scales = scales;
    this.group = group;
    this.unit = group % 32 == 0 || group >= columns() ? 32 : 16;
  }

  /** Whether groups are whole units, or one group takes a row. */
  static boolean accepts(int group, int columns) {
    return group >= columns || group % 16 == 0;
  }

  /** Columns that share a scale. */
  final int group() {
    return group;
  }

  /** Codes of columns {@code [from, from + count)} of a row, from out[0]. */
  abstract void unpack(int row, int from, int count, float[] out);

  /** Zero-points of a row into {@link Scratch#groupZeros}; false when there are none. */
  boolean zeros(int row, Scratch s) {
    return false;
  }

  @Override
  public final void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch s) {
    for (int r = from; r < to; r++) {
      scales.read(r, s);
      float sum = 0;
      for (int c = 0; c < columns(); c += Scratch.STRETCH) {
        int count = Math.min(Scratch.STRETCH, columns() - c);
        unpack(r, c, count, s.codes);
        int units = count / unit;
        ScaleRows.spread(group, unit, c / unit, units, s);
        sum += Stepped.dot(s.codes, x.x, c, s.wordScales, unit, units);
        for (int i = units * unit; i < count; i++) {
          sum += s.groupScales[(c + i) / group] * s.codes[i] * x.x[c + i];
        }
      }
      if (zeros(r, s)) {
        sum -= Stepped.zeros(s, x.sums, Math.ceilDiv(columns(), group));
      }
      y[yOffset + r] = sum;
    }
  }

  @Override
  public final void decode(int from, int to, float[] out, int offset, Scratch s) {
    for (int r = from; r < to; r++) {
      scales.read(r, s);
      if (!zeros(r, s)) {
        Arrays.fill(s.groupZeros, 0, Math.ceilDiv(columns(), group), 0f);
      }
      int o = offset + (r - from) * columns();
      for (int c = 0; c < columns(); c += Scratch.STRETCH) {
        int count = Math.min(Scratch.STRETCH, columns() - c);
        unpack(r, c, count, s.codes);
        Stepped.groups(s, c, count, group, out, o + c);
      }
    }
  }
}
