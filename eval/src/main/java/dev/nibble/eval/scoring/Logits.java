package dev.nibble.eval.scoring;

/** Arithmetic of one row of fp32 logits, in double precision with the maximum subtracted. */
public final class Logits {
  private Logits() {}

  /**
   * {@code log Σ exp(row[v])}, or NaN if the row holds a NaN or +∞ or nothing finite; -∞ entries
   * are tokens of probability 0.
   */
  public static double logSumExp(float[] row, int offset, int size) {
    float max = largest(row, offset, size);
    if (Float.isNaN(max)) {
      return Double.NaN;
    }
    double sum = 0;
    for (int v = 0; v < size; v++) {
      sum += Math.exp((double) row[offset + v] - max);
    }
    return max + Math.log(sum);
  }

  /** Largest entry; NaN if there is a NaN or +∞, or nothing finite. */
  private static float largest(float[] row, int offset, int size) {
    float max = Float.NEGATIVE_INFINITY;
    for (int v = 0; v < size; v++) {
      float x = row[offset + v];
      if (!(x < Float.POSITIVE_INFINITY)) {
        return Float.NaN;
      }
      max = Math.max(max, x);
    }
    return max == Float.NEGATIVE_INFINITY ? Float.NaN : max;
  }

  /**
   * As {@link #logSumExp}, and fills {@code probabilities} with the softmax of the row, so that its
   * exponentials are computed once.
   *
   * @param probabilities receives {@code size} values; undefined where the result is NaN
   */
  public static double softmax(float[] row, int offset, int size, double[] probabilities) {
    float max = largest(row, offset, size);
    if (Float.isNaN(max)) {
      return Double.NaN;
    }
    double sum = 0;
    for (int v = 0; v < size; v++) {
      double e = Math.exp((double) row[offset + v] - max);
      probabilities[v] = e;
      sum += e;
    }
    double scale = 1 / sum;
    for (int v = 0; v < size; v++) {
      probabilities[v] *= scale;
    }
    return max + Math.log(sum);
  }

  /** Index of the largest entry, the lowest one of several; the row must hold no NaN. */
  public static int argmax(float[] row, int offset, int size) {
    int best = 0;
    for (int v = 1; v < size; v++) {
      if (row[offset + v] > row[offset + best]) {
        best = v;
      }
    }
    return best;
  }

  /**
   * Indices of the {@code k} largest entries in falling order, lower indices first among equals;
   * the row must hold no NaN.
   */
  public static int[] top(float[] row, int offset, int size, int k) {
    int[] best = new int[Math.min(k, size)];
    int count = 0;
    for (int v = 0; v < size; v++) {
      float x = row[offset + v];
      if (count == best.length && !(x > row[offset + best[count - 1]])) {
        continue;
      }
      int at = count < best.length ? count++ : count - 1;
      while (at > 0 && x > row[offset + best[at - 1]]) {
        best[at] = best[at - 1];
        at--;
      }
      best[at] = v;
    }
    return best;
  }
}
