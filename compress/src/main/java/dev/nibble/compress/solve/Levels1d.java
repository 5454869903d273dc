package dev.nibble.compress.solve;

import java.util.Arrays;

/** One-dimensional codebooks: sorted levels, of which a value takes the nearest. */
final class Levels1d {
  private static final int ROUNDS = 100;

  private Levels1d() {}

  /** Index of the nearest level, the lower one at equal distance. */
  static int nearest(float[] levels, int from, int count, float value) {
    int low = 0;
    int high = count - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      // the border between two levels is half way
      if (value - levels[from + middle] <= levels[from + middle + 1] - value) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** {@code count} levels at equal shares of sorted values. */
  static float[] quantiles(float[] sorted, int count) {
    float[] out = new float[count];
    for (int k = 0; k < count; k++) {
      out[k] = sorted[(int) ((k + 0.5) / count * sorted.length)];
    }
    return out;
  }

  /**
   * Lloyd's algorithm on sorted values: the clusters of sorted levels are ranges of them, so that a
   * round costs the number of levels. An empty cluster is put beside the one with most values. The
   * squared error never rises.
   *
   * @param sorted values, ascending
   * @param levels where to start, any order; not modified
   */
  static float[] lloyd(float[] sorted, float[] levels) {
    double[] sums = new double[sorted.length + 1];
    for (int i = 0; i < sorted.length; i++) {
      sums[i + 1] = sums[i] + sorted[i];
    }
    float[] now = levels.clone();
    Arrays.sort(now);
    float[] best = now.clone();
    double lowest = error(sorted, now);
    for (int round = 0; round < ROUNDS; round++) {
      recentre(sorted, sums, now);
      Arrays.sort(now);
      double error = error(sorted, now);
      if (!(error < lowest)) {
        break;
      }
      lowest = error;
      System.arraycopy(now, 0, best, 0, now.length);
    }
    return best;
  }

  private static void recentre(float[] sorted, double[] sums, float[] levels) {
    int[] ends = ends(sorted, levels);
    int largest = 0;
    for (int k = 0; k < levels.length; k++) {
      if (size(ends, k) > size(ends, largest)) {
        largest = k;
      }
    }
    float[] moved = levels.clone();
    for (int k = 0; k < levels.length; k++) {
      int from = k == 0 ? 0 : ends[k - 1];
      if (ends[k] > from) {
        moved[k] = (float) ((sums[ends[k]] - sums[from]) / (ends[k] - from));
      } else {
        int first = largest == 0 ? 0 : ends[largest - 1];
        moved[k] = sorted[first + size(ends, largest) * (k + 1) / (levels.length + 1)];
      }
    }
    System.arraycopy(moved, 0, levels, 0, levels.length);
  }

  private static int size(int[] ends, int k) {
    return ends[k] - (k == 0 ? 0 : ends[k - 1]);
  }

  /** For each of the sorted levels the index after its last value. */
  private static int[] ends(float[] sorted, float[] levels) {
    int[] ends = new int[levels.length];
    int at = 0;
    for (int k = 0; k < levels.length; k++) {
      while (at < sorted.length
          && (k == levels.length - 1 || sorted[at] - levels[k] <= levels[k + 1] - sorted[at])) {
        at++;
      }
      ends[k] = at;
    }
    return ends;
  }

  /** Sum of squared distances to the nearest of the sorted levels. */
  static double error(float[] sorted, float[] levels) {
    int[] ends = ends(sorted, levels);
    double sum = 0;
    for (int k = 0, i = 0; k < levels.length; k++) {
      for (; i < ends[k]; i++) {
        sum += Math.pow((double) sorted[i] - levels[k], 2);
      }
    }
    return sum;
  }
}
