package dev.nibble.compress.transform;

import java.util.Arrays;

/**
 * Scales for the outlier channels of an input alone (EAQuant, sheet 21, step 5). Outliers are the
 * channels whose extreme lies above {@code q3 + 1.5 (q3 - q1)}, cut once more among themselves by
 * Otsu's method (Otsu 1979); their scale is {@code (extreme / largest normal extreme)^rate}, that
 * of all others 1. Maxima and minima are judged apart, and the larger scale counts.
 */
final class OutlierScale {
  private static final double FENCE = 1.5;

  private OutlierScale() {}

  /**
   * Scale of each channel, at least 1.
   *
   * @param ratio quantile of q3, above 0.5; that of q1 is {@code 1 - ratio}
   * @param rate exponent, 0 to 1
   */
  static double[] of(ChannelExtremes seen, double ratio, double rate) {
    double[] low = new double[seen.min().length];
    Arrays.setAll(low, j -> -seen.min()[j]);
    double[] out = side(seen.max(), ratio, rate);
    double[] other = side(low, ratio, rate);
    for (int j = 0; j < out.length; j++) {
      out[j] = Math.max(out[j], other[j]);
    }
    return out;
  }

  private static double[] side(double[] extremes, double ratio, double rate) {
    double[] values = new double[extremes.length];
    Arrays.setAll(values, j -> Math.max(0, extremes[j]));
    double[] scale = new double[values.length];
    Arrays.fill(scale, 1);
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    double q1 = quantile(sorted, 1 - ratio);
    double q3 = quantile(sorted, ratio);
    double fence = q3 + FENCE * (q3 - q1);
    int first = 0;
    while (first < sorted.length && sorted[first] <= fence) {
      first++;
    }
    if (first == sorted.length) {
      return scale;
    }
    first += otsu(Arrays.copyOfRange(sorted, first, sorted.length));
    double normal = first == 0 ? 0 : sorted[first - 1];
    for (int j = 0; j < scale.length && normal > 0; j++) {
      if (values[j] > normal) {
        scale[j] = Math.pow(values[j] / normal, rate);
      }
    }
    return scale;
  }

  /**
   * First index of the upper class of ascending values: the split with the largest variance between
   * the classes; 0 for one value or equal ones.
   */
  static int otsu(double[] ascending) {
    double total = Arrays.stream(ascending).sum();
    int n = ascending.length;
    double below = 0;
    double best = 0;
    int split = 0;
    for (int i = 1; i < n; i++) {
      below += ascending[i - 1];
      double difference = below / i - (total - below) / (n - i);
      double between = (double) i * (n - i) * difference * difference;
      if (between > best) {
        best = between;
        split = i;
      }
    }
    return split;
  }

  /** Linear between order statistics. */
  static double quantile(double[] sorted, double q) {
    double at = q * (sorted.length - 1);
    int low = (int) Math.floor(at);
    int high = Math.min(sorted.length - 1, low + 1);
    return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
  }
}
