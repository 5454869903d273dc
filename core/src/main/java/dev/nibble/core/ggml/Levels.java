package dev.nibble.core.ggml;

/** Fixed value tables of the 4-bit types, and the 8-bit floats of their scales. */
final class Levels {
  /** Levels of IQ4_NL and IQ4_XS in code order (ascending). */
  static final float[] IQ4 = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  /** E2M1 values, doubled so that they are whole; codes 8 to 15 are the negatives. */
  static final float[] E2M1_DOUBLED = {0, 1, 2, 3, 4, 6, 8, 12, -0f, -1, -2, -3, -4, -6, -8, -12};

  private static final float[] HALF_UE4M3 = new float[256];

  static {
    for (int bits = 1; bits < 256; bits++) {
      int exponent = bits >> 3 & 15;
      int mantissa = bits & 7;
      float value =
          exponent == 0
              ? Math.scalb((float) mantissa, -9)
              : Math.scalb(1 + mantissa / 8f, exponent - 7);
      HALF_UE4M3[bits] = bits == 0x7f ? 0 : value / 2;
    }
  }

  private Levels() {}

  /** Half the value of an unsigned E4M3 (bias 7); 0x00 and 0x7f give 0. */
  static float halfUe4m3(int bits) {
    return HALF_UE4M3[bits];
  }

  /** Half of an E8M0 scale: {@code 2^(bits - 128)}. */
  static float halfE8m0(int bits) {
    return Math.scalb(1f, bits - 128);
  }

  /**
   * Unsigned E4M3 nearest to {@code value}, ties upwards, saturating at 448; subnormals are
   * multiples of 2^-9.
   */
  static int toUe4m3(float value) {
    if (!(value > 0)) {
      return 0;
    }
    int bits = Float.floatToRawIntBits(Math.min(value, 448f));
    int exponent = (bits >>> 23) - 127 + 7;
    if (exponent <= 0) {
      return Math.min(7, (int) (value * 512f + 0.5f));
    }
    // The mantissa carry runs into the exponent by itself.
    int rounded = (exponent << 3 | (bits >>> 20 & 7)) + (bits >>> 19 & 1);
    return Math.min(rounded, 0x7e);
  }

  /** Index of the IQ4 level nearest to {@code x}; exactly in the middle gives the larger. */
  static int nearestIq4(float x) {
    if (x <= IQ4[0]) {
      return 0;
    }
    if (x >= IQ4[15]) {
      return 15;
    }
    int low = 0;
    int high = 15;
    while (high - low > 1) {
      int middle = (low + high) >>> 1;
      if (x < IQ4[middle]) {
        high = middle;
      } else {
        low = middle;
      }
    }
    return x - IQ4[low] < IQ4[high] - x ? low : high;
  }

  /** Code of the scaled E2M1 value nearest to {@code x}, the first one on ties. */
  static int nearestE2m1(float x, float scale) {
    int best = 0;
    float bestError = Math.abs(E2M1_DOUBLED[0] * scale - x);
    for (int i = 1; i < 16; i++) {
      float error = Math.abs(E2M1_DOUBLED[i] * scale - x);
      if (error < bestError) {
        best = i;
        bestError = error;
      }
    }
    return best;
  }
}
