package dev.nibble.core.format;

import dev.nibble.core.NibbleException;
import java.util.function.IntToDoubleFunction;

/** Levels of the logarithmic family. */
final class SignMagnitude {
  private SignMagnitude() {}

  /**
   * 0 for magnitude code 0, {@code power(top - m)} for {@code m = 1 .. top}, and the negatives with
   * the highest bit set.
   *
   * @param power falling from {@code power(0) = 1}
   * @throws NibbleException when the smallest level is no normal float
   */
  static float[] levels(int bits, IntToDoubleFunction power) {
    if (bits < 2 || bits > 8) {
      throw new IllegalArgumentException("a sign and a logarithm take 2 to 8 bits, not " + bits);
    }
    int half = 1 << (bits - 1);
    float[] levels = new float[2 * half];
    levels[half] = -0f;
    for (int m = 1; m < half; m++) {
      float level = (float) power.applyAsDouble(half - 1 - m);
      if (level < Float.MIN_NORMAL) {
        throw new NibbleException(
            "the smallest level of a logarithmic format of "
                + bits
                + " bits is too small; use a smaller base or fewer bits.");
      }
      levels[m] = level;
      levels[half + m] = -level;
    }
    return levels;
  }
}
