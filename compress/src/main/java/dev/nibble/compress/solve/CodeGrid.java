package dev.nibble.compress.solve;

import dev.nibble.core.rounding.AffineGrid;

/**
 * Evenly spaced values that a weight may take: {@code value(code) = scale · (code - zero)} for
 * codes {@code low .. high}; the zero may lie between codes.
 *
 * @param scale positive
 */
record CodeGrid(double scale, double zero, int low, int high) {

  static CodeGrid of(AffineGrid grid) {
    return new CodeGrid(grid.scale(), grid.zero(), grid.lowCode(), grid.highCode());
  }

  /** Code of the nearest value. */
  int nearest(double value) {
    return clamp(Math.rint(value / scale + zero));
  }

  /**
   * Code of one of the two values around, so that the mean over draws is the value itself.
   *
   * @param noise uniform in [0, 1)
   */
  int unbiased(double value, double noise) {
    return clamp(Math.floor(value / scale + zero + noise));
  }

  private int clamp(double code) {
    return (int) Math.min(high, Math.max(low, code)); // NaN becomes 0
  }

  double value(int code) {
    return scale * (code - zero);
  }
}
