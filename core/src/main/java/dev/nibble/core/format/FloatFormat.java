package dev.nibble.core.format;

/**
 * Sign, exponent and mantissa of an ExMy float with bias {@code 2^(e-1) - 1} and subnormals: {@code
 * m/2^M · 2^(1-bias)} when the exponent field is 0, else {@code (1 + m/2^M) · 2^(e-bias)} (OCP MX
 * 1.0). Special values exist in two of the formats alone: e4m3 is the "fn" dialect (only {@code
 * S.1111.111} is NaN, largest 448), e5m2 follows IEEE 754 (largest 57344). Rounding saturates,
 * never gives infinity, gives NaN only for NaN where the format has it, and +0 for both zeros.
 */
public final class FloatFormat extends NumberFormat {
  private final int exponentBits;
  private final int mantissaBits;

  /**
   * @param exponentBits 1 to 5
   * @param mantissaBits 0 to 5, with {@code 1 + exponentBits + mantissaBits} from 3 to 8
   */
  public FloatFormat(int exponentBits, int mantissaBits) {
    super(
        "fp" + (1 + exponentBits + mantissaBits) + "-e" + exponentBits + "m" + mantissaBits,
        1 + exponentBits + mantissaBits,
        values(exponentBits, mantissaBits));
    this.exponentBits = exponentBits;
    this.mantissaBits = mantissaBits;
  }

  @Override
  public int encode(float value) {
    // the highest positive code is NaN in every format that has one
    int last = (1 << (bits() - 1)) - 1;
    return Float.isNaN(value) && Float.isNaN(decode(last)) ? last : super.encode(value);
  }

  /** Bits of the exponent field. */
  public int exponentBits() {
    return exponentBits;
  }

  /** Bits of the mantissa field. */
  public int mantissaBits() {
    return mantissaBits;
  }

  private static float[] values(int exponentBits, int mantissaBits) {
    if (exponentBits < 1 || exponentBits > 5 || mantissaBits < 0) {
      throw new IllegalArgumentException(
          "floats have 1 to 5 exponent bits and no negative mantissa");
    }
    int half = 1 << (exponentBits + mantissaBits);
    int bias = (1 << (exponentBits - 1)) - 1;
    float[] levels = new float[2 * half];
    for (int code = 0; code < half; code++) {
      int exponent = code >> mantissaBits;
      float fraction = Math.scalb((float) (code & ((1 << mantissaBits) - 1)), -mantissaBits);
      float value =
          exponent == 0
              ? Math.scalb(fraction, 1 - bias)
              : Math.scalb(1f + fraction, exponent - bias);
      if (exponentBits == 4 && mantissaBits == 3 && code == half - 1) {
        value = Float.NaN;
      } else if (exponentBits == 5 && mantissaBits == 2 && exponent == 31) {
        value = fraction == 0f ? Float.POSITIVE_INFINITY : Float.NaN;
      }
      levels[code] = value;
      levels[code + half] = -value;
    }
    return levels;
  }
}
