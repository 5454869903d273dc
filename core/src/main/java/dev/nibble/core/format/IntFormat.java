package dev.nibble.core.format;

/** Consecutive integers: two's complement when signed, else {@code 0 .. 2^bits - 1}. */
public final class IntFormat extends NumberFormat {
  private final boolean signed;

  /**
   * @param bits 1 to 8
   */
  public IntFormat(int bits, boolean signed) {
    super((signed ? "int" : "uint") + bits, bits, integers(bits, signed));
    this.signed = signed;
  }

  /** True for two's complement. */
  public boolean signed() {
    return signed;
  }

  @Override
  public int encode(float value) {
    int integer = (int) Math.min(Math.max(Math.rint(value), lowest()), highest());
    return integer & ((1 << bits()) - 1);
  }

  private static float[] integers(int bits, boolean signed) {
    float[] levels = new float[1 << bits];
    for (int code = 0; code < levels.length; code++) {
      levels[code] = signed && code >= levels.length / 2 ? code - levels.length : code;
    }
    return levels;
  }
}
