package dev.nibble.core.model;

/**
 * Attention with linear biases (Press et al. 2021): {@code score(i, j) += slope[head] * j}, which
 * differs from the paper's {@code -slope * (i - j)} by a constant per query that softmax ignores.
 */
public final class Alibi {
  private Alibi() {}

  /**
   * Slope of each query head, as added to the scaled scores. Falcon adds its biases before the
   * scaling by {@code 1/sqrt(headDim)}, so that factor is part of its slopes.
   */
  public static double[] slopes(ModelConfig config) {
    double[] slopes = slopes(config.heads());
    if (config.family().equals("falcon")) {
      for (int h = 0; h < slopes.length; h++) {
        slopes[h] /= StrictMath.sqrt(config.headDim());
      }
    }
    return slopes;
  }

  /**
   * The paper's slopes: {@code 2^(-8h/n)} for h = 1..n when n is a power of two; otherwise those of
   * the power of two p below n, followed by every other slope of 2p.
   */
  static double[] slopes(int heads) {
    int power = Integer.highestOneBit(heads);
    double[] slopes = new double[heads];
    for (int h = 0; h < heads; h++) {
      slopes[h] =
          h < power
              ? StrictMath.pow(2, -8.0 * (h + 1) / power)
              : StrictMath.pow(2, -4.0 * (2 * (h - power) + 1) / power);
    }
    return slopes;
  }
}
