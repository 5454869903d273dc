package dev.nibble.core.rounding;

import dev.nibble.core.spec.ScaleFormat;

/** Chooses the grid of one group from its values. */
public final class GroupGrid {
  private static final int SHRINK_STEPS = 80;
  private static final double SHRINK_GRID = 100;

  private GroupGrid() {}

  /**
   * The grid of {@code w[from .. to)}: over the extremes, or over the best shortened range when
   * {@code options} ask for a clip search.
   *
   * @param bits 1 to 8; symmetric flavours need 2
   */
  public static AffineGrid fit(
      float[] w,
      int from,
      int to,
      int bits,
      GridFlavour flavour,
      ScaleFormat scaleFormat,
      RoundingOptions options) {
    float lo = from < to ? Float.POSITIVE_INFINITY : 0f;
    float hi = from < to ? Float.NEGATIVE_INFINITY : 0f;
    for (int i = from; i < to; i++) {
      lo = Math.min(lo, w[i]);
      hi = Math.max(hi, w[i]);
    }
    AffineGrid best = AffineGrid.fit(lo, hi, bits, flavour, scaleFormat);
    if (options.clip() == Clip.NONE || lo == hi) {
      return best;
    }
    double least = error(w, from, to, best, options.clipNorm(), Double.POSITIVE_INFINITY);
    for (int i = 1; i < SHRINK_STEPS; i++) {
      double p = 1 - i / SHRINK_GRID;
      AffineGrid grid =
          AffineGrid.fit((float) (p * lo), (float) (p * hi), bits, flavour, scaleFormat);
      double error = error(w, from, to, grid, options.clipNorm(), least);
      if (error < least) {
        least = error;
        best = grid;
      }
    }
    return best;
  }

  /** Sum of |ŵ - w|^norm; stops early once it cannot fall below {@code bound} any more. */
  private static double error(
      float[] w, int from, int to, AffineGrid grid, double norm, double bound) {
    double sum = 0;
    for (int i = from; i < to && sum < bound; i++) {
      double difference = Math.abs((double) grid.value(grid.code(w[i])) - w[i]);
      sum += norm == 2 ? difference * difference : Math.pow(difference, norm);
    }
    return sum;
  }
}
