package dev.nibble.compress.solve;

import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.rounding.GridFlavour;
import dev.nibble.core.spec.ScaleFormat;

/**
 * The salience-weighted quantizer of SliM-LLM (Huang et al. 2024; sheet 10, step 6): a row's range
 * in a group is stretched or shrunk to where the error is least, errors of salient elements
 * counting {@code lambda} times. With {@code δ_ij = w_ij² / U_jj²}, elements are salient whose δ
 * lies {@code zscore} standard deviations above the mean of all rows of the group; with none beyond
 * that, none is.
 *
 * <p>Deviation from the authors' code: mean and deviation are of the weights before compensation,
 * so that rows stay independent of each other; δ itself is of the compensated ones. With {@code
 * lambda = 1} salience has no effect at all, as there.
 */
final class SalientGrids {
  private final SalienceOptions options;
  private final int groupColumns;
  private final double[] costs;
  private final double[] thresholds;

  /**
   * @param w {@code [rows, curvature.size()]}
   * @param groupColumns consecutive columns of a group; the last may have fewer
   */
  SalientGrids(float[] w, Curvature curvature, int groupColumns, SalienceOptions options) {
    this.options = options;
    this.groupColumns = groupColumns;
    this.costs = curvature.lossCosts();
    int columns = costs.length;
    int groups = Math.ceilDiv(columns, groupColumns);
    double[] sums = new double[groups];
    double[] squares = new double[groups];
    for (int i = 0; i < w.length; i++) {
      double salience = (double) w[i] * w[i] * costs[i % columns];
      sums[i % columns / groupColumns] += salience;
      squares[i % columns / groupColumns] += salience * salience;
    }
    this.thresholds = new double[groups];
    for (int g = 0; g < groups; g++) {
      int width = Math.min(groupColumns, columns - g * groupColumns);
      int rows = w.length / columns;
      double count = (double) width * rows;
      double mean = sums[g] / count;
      double deviation = Math.sqrt(Math.max(0, squares[g] / count - mean * mean));
      thresholds[g] =
          deviation > 0 ? mean + options.zscore() * deviation : Double.POSITIVE_INFINITY;
    }
  }

  /**
   * The grid of a row's {@code values[from .. to)} in a group.
   *
   * @param first column of the first value
   */
  AffineGrid fit(
      float[] values,
      int from,
      int to,
      int first,
      int bits,
      GridFlavour flavour,
      ScaleFormat scaleFormat) {
    float lo = 0;
    float hi = 0;
    double[] weights = new double[to - from];
    double threshold = thresholds[first / groupColumns];
    for (int i = from; i < to; i++) {
      lo = Math.min(lo, values[i]);
      hi = Math.max(hi, values[i]);
      double salience = (double) values[i] * values[i] * costs[first + i - from];
      weights[i - from] = salience > threshold ? options.lambda() : 1;
    }
    AffineGrid best = AffineGrid.fit(lo, hi, bits, flavour, scaleFormat);
    double least = error(values, from, weights, best, Double.POSITIVE_INFINITY);
    for (int t = 1; t <= options.steps(); t++) {
      for (int side = 1; side >= -1; side -= 2) {
        double p = 1 + side * options.range() * t / options.steps();
        AffineGrid grid =
            AffineGrid.fit((float) (p * lo), (float) (p * hi), bits, flavour, scaleFormat);
        double error = error(values, from, weights, grid, least);
        if (error < least) {
          least = error;
          best = grid;
        }
      }
    }
    return best;
  }

  /** Weighted sum of |ŵ - w|^norm; ends early once it cannot fall below {@code bound}. */
  private double error(float[] values, int from, double[] weights, AffineGrid grid, double bound) {
    double sum = 0;
    for (int i = 0; i < weights.length && sum < bound; i++) {
      float w = values[from + i];
      double difference = Math.abs((double) grid.value(grid.code(w)) - w);
      sum += weights[i] * Math.pow(difference, options.norm());
    }
    return sum;
  }
}
