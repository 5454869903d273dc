package dev.nibble.core.tensor;

/** The 8-bit float that has no JDK conversion. */
final class Float8 {
  private static final float[] E4M3 = new float[256];

  static {
    for (int b = 0; b < 256; b++) {
      int exponent = (b >> 3) & 15;
      int mantissa = b & 7;
      float magnitude;
      if ((b & 0x7f) == 0x7f) {
        magnitude = Float.NaN;
      } else if (exponent == 0) {
        magnitude = Math.scalb((float) mantissa, -9);
      } else {
        magnitude = Math.scalb(1f + mantissa / 8f, exponent - 7);
      }
      E4M3[b] = (b & 0x80) != 0 ? -magnitude : magnitude;
    }
  }

  private Float8() {}

  /** OCP E4M3 (bias 7, no infinities, 0x7f and 0xff are NaN). */
  static float e4m3ToFloat(byte bits) {
    return E4M3[bits & 0xff];
  }
}
