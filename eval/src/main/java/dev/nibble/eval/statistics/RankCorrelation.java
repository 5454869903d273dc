package dev.nibble.eval.statistics;

import java.util.Arrays;
import java.util.Comparator;

/** Spearman's rank correlation; equal values share the mean of their ranks. */
public final class RankCorrelation {
  private RankCorrelation() {}

  /** Correlation of the ranks, -1 to 1; NaN when one side is constant. */
  public static double spearman(double[] a, double[] b) {
    Sample x = new Sample(ranks(a));
    Sample y = new Sample(ranks(b));
    return x.covariance(y) / Math.sqrt(x.variance() * y.variance());
  }

  private static double[] ranks(double[] values) {
    Integer[] order = new Integer[values.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingDouble(i -> values[i]));
    double[] ranks = new double[values.length];
    for (int from = 0; from < order.length; ) {
      int to = from;
      while (to < order.length && values[order[to]] == values[order[from]]) {
        to++;
      }
      for (int i = from; i < to; i++) {
        ranks[order[i]] = (from + to - 1) / 2.0;
      }
      from = to;
    }
    return ranks;
  }
}
