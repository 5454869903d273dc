package dev.nibble.compress.solve;

import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.rounding.GridFlavour;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffinePacker;
import dev.nibble.core.tensor.AffineTensor;
import java.util.Arrays;

/** A matrix rounded to nearest on grids over a given fraction of each group's range. */
final class RouterRounding {
  private final float[] w;
  private final int rows;
  private final int columns;
  private final QuantSpec spec;
  private final GridFlavour flavour;

  RouterRounding(float[] w, int rows, int columns, QuantSpec spec) {
    this.w = w;
    this.rows = rows;
    this.columns = columns;
    this.spec = spec;
    this.flavour = RoundingOptions.DEFAULT.flavourFor(spec);
  }

  /** Rounded with one fraction for every row. */
  AffineTensor at(double ratio) {
    double[] ratios = new double[rows];
    Arrays.fill(ratios, ratio);
    return at(ratios);
  }

  /**
   * Rounded.
   *
   * @param ratios fraction of the range that the grids of each row span, in (0, 1]
   */
  AffineTensor at(double[] ratios) {
    int width = spec.groupColumns(columns);
    byte[] codes = new byte[w.length];
    float[] scales = new float[rows * spec.groups(columns)];
    int[] zeros = new int[scales.length];
    int group = 0;
    for (int row = 0; row < rows; row++) {
      for (int c = 0; c < columns; c += width) {
        int from = row * columns + c;
        int to = row * columns + Math.min(columns, c + width);
        AffineGrid grid = grid(from, to, ratios[row]);
        scales[group] = grid.scale();
        zeros[group++] = grid.zero();
        for (int i = from; i < to; i++) {
          codes[i] = (byte) grid.code(w[i]);
        }
      }
    }
    int[] stored = spec.symmetric() ? null : zeros;
    return AffinePacker.pack(new long[] {rows, columns}, spec, codes, scales, stored, null);
  }

  private AffineGrid grid(int from, int to, double ratio) {
    float lo = Float.POSITIVE_INFINITY;
    float hi = Float.NEGATIVE_INFINITY;
    for (int i = from; i < to; i++) {
      lo = Math.min(lo, w[i]);
      hi = Math.max(hi, w[i]);
    }
    return AffineGrid.fit(
        (float) (ratio * lo), (float) (ratio * hi), spec.bits(), flavour, spec.scaleFormat());
  }
}
