package dev.nibble.core.format;

/**
 * 0 and {@code ±√2^(m - top)} for magnitude codes {@code m = 1 .. top}, {@code top = 2^(bits-1) -
 * 1}: {@link PowerOfTwo} with a half step between its levels.
 */
public final class PowerOfRootTwo extends NumberFormat {

  /**
   * @param bits 2 to 8
   */
  public PowerOfRootTwo(int bits) {
    super("sqrt2-" + bits, bits, SignMagnitude.levels(bits, PowerOfRootTwo::power));
  }

  private static double power(int steps) {
    double half = steps % 2 == 0 ? 1 : Math.sqrt(0.5);
    return Math.scalb(half, -(steps / 2));
  }
}
