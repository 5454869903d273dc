package dev.nibble.compress.solve;

/**
 * Finds the weights of a group without which its grid would be much better (SpQR, section 4.1): the
 * weighted rounding error of the group on the grid over its extremes, less that of the other
 * weights on the grid over theirs, is more than a threshold. A grid over extremes only changes when
 * one of them leaves, so two refits a group are enough.
 */
final class LeaveOneOut {
  private final int top;
  private final boolean symmetric;
  private final boolean roundZero;
  private final double threshold;

  /**
   * @param threshold infinite to find none
   */
  LeaveOneOut(int bits, boolean symmetric, boolean roundZero, double threshold) {
    this.top = (1 << bits) - 1;
    this.symmetric = symmetric;
    this.roundZero = roundZero;
    this.threshold = threshold;
  }

  /**
   * The range of {@code x[from .. to)} without the weights that are better left out.
   *
   * @param weight of each value's squared error, at the same indices
   * @param range gets the smallest and the largest remaining value; both 0 when none remains
   */
  void range(double[] x, int from, int to, double[] weight, float[] range) {
    int least = from;
    int most = from;
    for (int i = from; i < to; i++) {
      least = x[i] < x[least] ? i : least;
      most = x[i] > x[most] ? i : most;
    }
    range[0] = (float) x[least];
    range[1] = (float) x[most];
    if (threshold == Double.POSITIVE_INFINITY) {
      return;
    }
    Grid whole = grid(x[least], x[most]);
    double error = 0;
    for (int i = from; i < to; i++) {
      error += weight[i] * whole.squaredError(x[i]);
    }
    range[0] = 0;
    range[1] = 0;
    boolean any = false;
    for (int i = from; i < to; i++) {
      boolean extreme = i == least || i == most;
      double gain =
          extreme
              ? error - errorWithout(x, from, to, weight, i)
              : weight[i] * whole.squaredError(x[i]);
      if (gain <= threshold) {
        range[0] = any ? Math.min(range[0], (float) x[i]) : (float) x[i];
        range[1] = any ? Math.max(range[1], (float) x[i]) : (float) x[i];
        any = true;
      }
    }
  }

  private double errorWithout(double[] x, int from, int to, double[] weight, int left) {
    double lo = Double.POSITIVE_INFINITY;
    double hi = Double.NEGATIVE_INFINITY;
    for (int i = from; i < to; i++) {
      if (i != left) {
        lo = Math.min(lo, x[i]);
        hi = Math.max(hi, x[i]);
      }
    }
    if (lo > hi) {
      return 0;
    }
    Grid grid = grid(lo, hi);
    double error = 0;
    for (int i = from; i < to; i++) {
      error += i == left ? 0 : weight[i] * grid.squaredError(x[i]);
    }
    return error;
  }

  private Grid grid(double lo, double hi) {
    double low = Math.min(0, lo);
    double high = Math.max(0, hi);
    if (symmetric) {
      low = -Math.max(-low, high);
      high = -low;
    }
    double scale = (high - low) / top;
    double zero = scale == 0 ? 0 : -low / scale;
    return new Grid(scale, symmetric ? (top + 1) / 2.0 : roundZero ? Math.rint(zero) : zero, top);
  }

  private record Grid(double scale, double zero, int top) {
    double squaredError(double w) {
      if (scale == 0) {
        return w * w;
      }
      double code = Math.clamp(Math.rint(w / scale + zero), 0, top);
      double error = w - scale * (code - zero);
      return error * error;
    }
  }
}
