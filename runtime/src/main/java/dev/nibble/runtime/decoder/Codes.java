package dev.nibble.runtime.decoder;

/** Numbers to integer codes, as the quantized stores need it. */
final class Codes {
  /** Adding it leaves the nearest integer in the low bits. */
  private static final float SHIFT = 12582912f;

  private Codes() {}

  /**
   * Low bits of the nearest integer in two's complement, ties to even; what is above them is of no
   * meaning.
   *
   * @param v below 2^22 in size
   */
  static int nearest(float v) {
    return Float.floatToRawIntBits(v + SHIFT);
  }

  /** Factor that turns numbers into codes; a scale too small to divide by makes them all 0. */
  static float inverse(float scale) {
    return scale < Float.MIN_NORMAL ? 0 : 1 / scale;
  }
}
