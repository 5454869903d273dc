package dev.nibble.eval.statistics;

/**
 * A figure and its standard error (NaN where one observation gives none).
 *
 * @param value the figure
 * @param standardError one standard deviation of it
 */
public record Estimate(double value, double standardError) {
  /** Two-sided 95 % quantile of the normal distribution. */
  private static final double Z95 = 1.959963984540054;

  /** Mean of a sample. */
  public static Estimate mean(Sample sample) {
    return new Estimate(sample.mean(), sample.standardError());
  }

  /**
   * A share with its binomial error.
   *
   * @param hits successes
   * @param n trials, at least 1
   */
  public static Estimate share(long hits, long n) {
    double p = (double) hits / n;
    return new Estimate(p, n < 2 ? Double.NaN : Math.sqrt(p * (1 - p) / (n - 1)));
  }

  /** Half width of the 95 % confidence interval. */
  public double halfWidth95() {
    return Z95 * standardError;
  }
}
