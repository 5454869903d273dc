package dev.nibble.compress.allocate;

/**
 * ZD (Dumitru et al. 2024, eq. 2; sheet 22, step 2): the share of a layer's weights that lie more
 * than a threshold above the mean, in standard deviations. Moments are those of all weights
 * together, in fp64 and relative to the first one, so that a common offset costs no digits; counts
 * are whole numbers.
 */
final class ZScores {
  /** Which weights count. */
  enum Side {
    /** {@code z > threshold}. */
    UPPER,
    /** {@code |z| > threshold}. */
    ABS
  }

  private double origin;
  private long count;
  private double sum;
  private double squares;

  /** Takes weights into the moments. */
  void add(float[] weights) {
    if (count == 0 && weights.length > 0) {
      origin = weights[0];
    }
    double s = 0;
    double q = 0;
    for (float w : weights) {
      double d = w - origin;
      s += d;
      q += d * d;
    }
    sum += s;
    squares += q;
    count += weights.length;
  }

  /** Weights taken in. */
  long count() {
    return count;
  }

  /** Mean of the weights. */
  double mean() {
    return origin + sum / count;
  }

  /** Standard deviation of the weights, 0 when all are equal. */
  double deviation() {
    double mean = sum / count;
    return Math.sqrt(Math.max(0, squares / count - mean * mean));
  }

  /** Weights beyond the threshold by the moments so far; 0 when the deviation is. */
  long beyond(float[] weights, double threshold, Side side) {
    double mean = mean();
    double limit = threshold * deviation();
    if (limit == 0) {
      return 0;
    }
    long out = 0;
    for (float w : weights) {
      double d = w - mean;
      if (d > limit || (side == Side.ABS && -d > limit)) {
        out++;
      }
    }
    return out;
  }
}
