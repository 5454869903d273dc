package dev.nibble.core.rounding;

import dev.nibble.core.spec.ScaleFormat;

/** Chooses the grid of one group from its values. */
public final class GroupGrid {
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
    AffineGrid whole = AffineGrid.fit(lo, hi, bits, flavour, scaleFormat);
    if (options.clip() == Clip.NONE || lo == hi) {
      return whole;
    }
    float low = lo;
    float high = hi;
    double norm = options.clipNorm();
    float[] ordered = ClipSearch.largestFirst(w, from, to);
    double p =
        ClipSearch.best(
            (q, bound) ->
                error(ordered, shortened(low, high, q, bits, flavour, scaleFormat), norm, bound));
    return shortened(lo, hi, p, bits, flavour, scaleFormat);
  }

  private static AffineGrid shortened(
      float lo, float hi, double p, int bits, GridFlavour flavour, ScaleFormat scaleFormat) {
    return AffineGrid.fit((float) (p * lo), (float) (p * hi), bits, flavour, scaleFormat);
  }

  /** Sum of |ŵ - w|^norm; stops early once it cannot fall below {@code bound} any more. */
  private static double error(float[] w, AffineGrid grid, double norm, double bound) {
    double sum = 0;
    for (int i = 0; i < w.length && sum < bound; i++) {
      sum += ClipSearch.power((double) grid.value(grid.code(w[i])) - w[i], norm);
    }
    return sum;
  }
}
