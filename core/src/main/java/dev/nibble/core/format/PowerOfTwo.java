package dev.nibble.core.format;

/**
 * 0 and {@code ±2^(m - top)} for magnitude codes {@code m = 1 .. top}, {@code top = 2^(bits-1) -
 * 1}: products with these are shifts. The sign is the highest bit of the code; the largest level is
 * 1.
 */
public final class PowerOfTwo extends NumberFormat {

  /**
   * @param bits 2 to 8
   */
  public PowerOfTwo(int bits) {
    super("pow2-" + bits, bits, SignMagnitude.levels(bits, steps -> Math.scalb(1.0, -steps)));
  }
}
