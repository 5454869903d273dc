package dev.nibble.core.format;

/**
 * Two's complement integers times {@code 2^-fractionBits}. With 8 bits and 6 fraction bits these
 * are the elements of MXINT8 (OCP MX 1.0, section 5.3.4), the lowest code {@code -2} included.
 */
public final class FixedPoint extends NumberFormat {
  private final int fractionBits;

  /**
   * @param bits 2 to 8
   * @param fractionBits 0 to 16
   */
  public FixedPoint(int bits, int fractionBits) {
    super("fixed" + bits + "-" + fractionBits, bits, values(bits, fractionBits));
    this.fractionBits = fractionBits;
  }

  /** Bits right of the point. */
  public int fractionBits() {
    return fractionBits;
  }

  private static float[] values(int bits, int fractionBits) {
    if (bits < 2 || fractionBits < 0 || fractionBits > 16) {
      throw new IllegalArgumentException("fixed point has 2 to 8 bits and 0 to 16 fraction bits");
    }
    float[] levels = new float[1 << bits];
    for (int code = 0; code < levels.length; code++) {
      int integer = code >= levels.length / 2 ? code - levels.length : code;
      levels[code] = Math.scalb((float) integer, -fractionBits);
    }
    return levels;
  }
}
