package dev.nibble.eval.statistics;

import java.util.Arrays;

/** A list of observations. Nothing here is affected by the order in which threads produced them. */
public final class Sample {
  private final double[] values;
  private final double[] sorted;
  private final double mean;
  private final double variance;

  /** Takes a copy; NaN is not allowed. */
  public Sample(double[] values) {
    this.values = values.clone();
    this.sorted = values.clone();
    Arrays.sort(sorted);
    if (sorted.length > 0 && Double.isNaN(sorted[sorted.length - 1])) {
      throw new IllegalArgumentException("NaN in a sample");
    }
    this.mean = mean(this.values);
    double squares = 0;
    for (double v : this.values) {
      squares += (v - mean) * (v - mean);
    }
    this.variance = values.length < 2 ? Double.NaN : squares / (values.length - 1);
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double v : values) {
      sum += v;
    }
    return sum / values.length;
  }

  /** Number of observations. */
  public int size() {
    return values.length;
  }

  /** The observations, in the order given. */
  public double[] toArray() {
    return values.clone();
  }

  /** Arithmetic mean; NaN for an empty sample. */
  public double mean() {
    return mean;
  }

  /** Unbiased variance (divisor n - 1); NaN below two observations. */
  public double variance() {
    return variance;
  }

  /** Standard error of the mean; NaN below two observations. */
  public double standardError() {
    return Math.sqrt(variance / values.length);
  }

  /** Root of the mean square. */
  public double rootMeanSquare() {
    double squares = 0;
    for (double v : values) {
      squares += v * v;
    }
    return Math.sqrt(squares / values.length);
  }

  /** Largest observation. */
  public double max() {
    return sorted.length == 0 ? Double.NaN : sorted[sorted.length - 1];
  }

  /** Smallest observation. */
  public double min() {
    return sorted.length == 0 ? Double.NaN : sorted[0];
  }

  /**
   * Percentile by linear interpolation between the order statistics.
   *
   * @param p 0 to 100
   */
  public double percentile(double p) {
    if (sorted.length == 0) {
      return Double.NaN;
    }
    double at = p / 100 * (sorted.length - 1);
    int below = (int) Math.floor(at);
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }

  /** Unbiased covariance with a sample of the same observations. */
  public double covariance(Sample other) {
    if (other.values.length != values.length) {
      throw new IllegalArgumentException("samples of different sizes");
    }
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      sum += (values[i] - mean) * (other.values[i] - other.mean);
    }
    return values.length < 2 ? Double.NaN : sum / (values.length - 1);
  }
}
