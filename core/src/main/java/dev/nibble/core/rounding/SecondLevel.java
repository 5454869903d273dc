package dev.nibble.core.rounding;

import dev.nibble.core.spec.ScaleFormat;

/**
 * An integer grid for a few scales or zero-points, none of them negative: {@code value(code) = step
 * · code + low}, step and low being values of their stored format.
 *
 * @param step between neighbouring values; 0 when all are alike
 * @param low smallest value, exactly 0 when one of the numbers is 0
 * @param top largest code
 */
public record SecondLevel(float step, float low, int top) {

  /**
   * The grid of {@code values[0 .. count)}.
   *
   * @param values finite, not negative
   */
  public static SecondLevel fit(float[] values, int count, int bits, ScaleFormat format) {
    float least = Float.POSITIVE_INFINITY;
    float most = 0;
    for (int i = 0; i < count; i++) {
      least = Math.min(least, values[i]);
      most = Math.max(most, values[i]);
    }
    int top = (1 << bits) - 1;
    float low = count == 0 || least == 0 ? 0 : format.round(least);
    float step = most > low ? format.round(((double) most - low) / top) : 0;
    return new SecondLevel(step, low, top);
  }

  /**
   * Code of the nearest value; a positive number never gets a value of 0 while there is another.
   */
  public int code(float value) {
    if (step == 0) {
      return 0;
    }
    int least = low == 0 && value > 0 ? 1 : 0;
    return (int) Math.clamp(Math.rint(((double) value - low) / step), least, top);
  }

  /** Value of a code, rounded as stored tensors are read. */
  public float value(int code) {
    return step * code + low;
  }
}
