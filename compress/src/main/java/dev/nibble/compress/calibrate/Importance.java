package dev.nibble.compress.calibrate;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * From raw scores to weights (RSQ, section 3.2): {@code r = r_min + (s - min s) / (max s - min s) ·
 * (r_max - r_min)} within a sequence, then {@code w = r^p · T / Σ r^p}, so that the weights of a
 * sequence have a mean of 1 and damping keeps its meaning.
 */
final class Importance {
  private Importance() {}

  /**
   * Weights of one sequence.
   *
   * @param scores of T tokens; NaN for a token that must not count (padding), whatever the options
   * @return T weights that sum to T; all 1 where the scores say nothing (all equal, or all NaN)
   */
  static float[] weights(double[] scores, ImportanceOptions options) {
    double[] s = scores.clone();
    clip(s, options.quantileValue());
    double min = Double.POSITIVE_INFINITY;
    double max = Double.NEGATIVE_INFINITY;
    for (double v : s) {
      if (!Double.isNaN(v)) {
        min = Math.min(min, v);
        max = Math.max(max, v);
      }
    }
    double[] r = new double[s.length];
    for (int t = 0; t < s.length; t++) {
      double at = max > min ? (s[t] - min) / (max - min) : 1;
      if (options.bins() > 0) {
        at = Math.rint(at * options.bins()) / options.bins();
      }
      double value = options.minValue() + at * (options.maxValue() - options.minValue());
      r[t] = Double.isNaN(s[t]) ? 0 : Math.pow(value, options.power());
    }
    truncate(r, s, options.truncate());
    return normalized(r);
  }

  /** Scores above a quantile become that quantile. */
  private static void clip(double[] s, double quantile) {
    if (quantile >= 1) {
      return;
    }
    double[] sorted = Arrays.stream(s).filter(v -> !Double.isNaN(v)).sorted().toArray();
    if (sorted.length == 0) {
      return;
    }
    double top = sorted[(int) Math.floor(quantile * (sorted.length - 1))];
    for (int t = 0; t < s.length; t++) {
      s[t] = s[t] > top ? top : s[t];
    }
  }

  /** The tokens with the lowest scores count for nothing; the earlier of equal ones first. */
  private static void truncate(double[] r, double[] s, double fraction) {
    int count = (int) Math.floor(fraction * s.length);
    IntStream.range(0, s.length)
        .boxed()
        .filter(t -> !Double.isNaN(s[t]))
        .sorted(Comparator.comparingDouble((Integer t) -> s[t]))
        .limit(count)
        .forEach(t -> r[t] = 0);
  }

  private static float[] normalized(double[] r) {
    float[] out = new float[r.length];
    double sum = Arrays.stream(r).sum();
    double first = r[0];
    boolean alike = Arrays.stream(r).allMatch(v -> v == first);
    for (int t = 0; t < out.length; t++) {
      out[t] = alike || sum == 0 ? 1f : (float) (r[t] * r.length / sum);
    }
    return out;
  }
}
