package dev.nibble.core.rounding;

import java.util.Arrays;

/** Search of the fraction of a group's range that its grid should span (sheet 12a, step 6). */
final class ClipSearch {
  private static final int STEPS = 80;
  private static final double GRID = 100;

  private ClipSearch() {}

  /** Error of a group when its range is shortened. */
  @FunctionalInterface
  interface Trial {
    /**
     * @param p fraction of the range, in (0, 1]
     * @param bound the caller has no use for the exact error once it reaches this
     */
    double error(double p, double bound);
  }

  /** The first of 1, 0.99, …, 0.21 with the least error. */
  static double best(Trial trial) {
    double best = 1;
    double least = trial.error(1, Double.POSITIVE_INFINITY);
    for (int i = 1; i < STEPS; i++) {
      double p = 1 - i / GRID;
      double error = trial.error(p, least);
      if (error < least) {
        least = error;
        best = p;
      }
    }
    return best;
  }

  /**
   * A copy of {@code w[from .. to)} with the largest magnitudes first: those are what a shortened
   * range clips, so a hopeless trial ends after a few elements.
   */
  static float[] largestFirst(float[] w, int from, int to) {
    float[] sorted = Arrays.copyOfRange(w, from, to);
    Arrays.sort(sorted);
    float[] ordered = new float[sorted.length];
    int low = 0;
    int high = sorted.length - 1;
    for (int i = 0; i < ordered.length; i++) {
      ordered[i] = -sorted[low] > sorted[high] ? sorted[low++] : sorted[high--];
    }
    return ordered;
  }

  /** {@code |difference|^norm}. */
  static double power(double difference, double norm) {
    return norm == 2 ? difference * difference : Math.pow(Math.abs(difference), norm);
  }
}
