package dev.nibble.core.format;

import dev.nibble.core.NibbleException;

/**
 * Sign and logarithm to any base: 0 and {@code ±base^(m - top)} for magnitude codes {@code m = 1 ..
 * top}, {@code top = 2^(bits-1) - 1}, so the largest level is 1. The sign is the highest bit of the
 * code. A small base is fine near 1, a large one reaches further down; the base is chosen per site.
 */
public final class Logarithmic extends NumberFormat {
  private final double base;

  /**
   * @param bits 2 to 8
   * @param base above 1, at most 16, such that the smallest level is a normal float
   */
  public Logarithmic(int bits, double base) {
    super("log" + bits + "-" + base, bits, values(bits, base));
    this.base = base;
  }

  /** The base. */
  public double base() {
    return base;
  }

  private static float[] values(int bits, double base) {
    if (!(base > 1 && base <= 16)) {
      throw new NibbleException(
          "a logarithmic format has a base above 1 and up to 16, not " + base);
    }
    return SignMagnitude.levels(bits, steps -> Math.pow(base, -steps));
  }
}
