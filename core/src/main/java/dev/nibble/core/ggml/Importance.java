package dev.nibble.core.ggml;

/**
 * Importance of the columns of a row under encoding.
 *
 * @param columns mean squared activation of each input, non-negative
 * @param rowMeanSquare mean of the squared weights of the row
 */
record Importance(float[] columns, float rowMeanSquare) {

  /**
   * Error weights of {@code n} elements: {@code w[i] = columns[column + i] * sqrt(sigma2 + x[o +
   * i]^2)}.
   */
  void weigh(float[] x, int o, int column, int n, float sigma2, float[] w) {
    for (int i = 0; i < n; i++) {
      float v = x[o + i];
      w[i] = columns[column + i] * (float) Math.sqrt(sigma2 + v * v);
    }
  }

  /** Sum of squares in index order. */
  static float sumOfSquares(float[] x, int o, int n) {
    float sum = 0;
    for (int i = o; i < o + n; i++) {
      sum += x[i] * x[i];
    }
    return sum;
  }
}
