package dev.nibble.eval.scoring;

/** Arithmetic of one row of fp32 logits, in double precision with the maximum subtracted. */
public final class Logits {
  private Logits() {}

  /**
   * {@code log Σ exp(row[v])}, or NaN if the row holds a NaN or +∞ or nothing finite; -∞ entries
   * are tokens of probability 0.
   */
  public static double logSumExp(float[] row, int offset, int size) {
    float max = Float.NEGATIVE_INFINITY;
    for (int v = 0; v < size; v++) {
      float x = row[offset + v];
      if (!(x < Float.POSITIVE_INFINITY)) {
        return Double.NaN;
      }
      max = Math.max(max, x);
    }
    if (max == Float.NEGATIVE_INFINITY) {
      return Double.NaN;
    }
    double sum = 0;
    for (int v = 0; v < size; v++) {
      sum += Math.exp((double) row[offset + v] - max);
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
