package dev.nibble.eval.statistics;

/**
 * McNemar's test on paired right/wrong answers: under the hypothesis that neither model is better,
 * an item that exactly one of them gets right is equally likely to be either's.
 *
 * @param onlyFirst items only the first model gets right
 * @param onlySecond items only the second model gets right
 */
public record McNemar(int onlyFirst, int onlySecond) {
  /** Below this many discordant items the exact binomial tail is summed. */
  private static final int EXACT = 5000;

  /** Two-sided p-value, in (0, 1]. */
  public double pValue() {
    int n = onlyFirst + onlySecond;
    int k = Math.min(onlyFirst, onlySecond);
    if (n == 0 || 2 * k == n) {
      return 1;
    }
    if (n > EXACT) {
      double z = (Math.abs(onlyFirst - onlySecond) - 1) / Math.sqrt(n);
      return Math.clamp(2 * normalTail(z), Double.MIN_NORMAL, 1);
    }
    double logTerm = -n * Math.log(2);
    double tail = Math.exp(logTerm);
    for (int i = 1; i <= k; i++) {
      logTerm += Math.log((double) (n - i + 1) / i);
      tail += Math.exp(logTerm);
    }
    return Math.clamp(2 * tail, Double.MIN_NORMAL, 1);
  }

  /** Upper tail of the standard normal for {@code z >= 0} (continued fraction, series near 0). */
  private static double normalTail(double z) {
    double density = Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
    if (z < 2) {
      double term = z;
      double sum = z;
      for (int i = 1; i < 100; i++) {
        term *= z * z / (2 * i + 1);
        sum += term;
      }
      return 0.5 - density * sum;
    }
    double fraction = z;
    for (int i = 60; i >= 1; i--) {
      fraction = z + i / fraction;
    }
    return density / fraction;
  }
}
