package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.putF16;
import static dev.nibble.core.ggml.LittleEndian.putI32;

/** Encoders of the layouts in {@link LegacyDecoders}. Codes are chosen with the unrounded scale. */
final class LegacyEncoders {
  private LegacyEncoders() {}

  static void q4_0(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    int[] codes = new int[32];
    putF16(b, at, signed(x, o, 8, importance, column, codes));
    putNibbles(codes, b, at + 2);
  }

  static void q5_0(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    int[] codes = new int[32];
    putF16(b, at, signed(x, o, 16, importance, column, codes));
    putI32(b, at + 2, fifthBits(codes));
    putNibbles(codes, b, at + 6);
  }

  static void q4_1(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    int[] codes = new int[32];
    Fits.Affine fit = unsigned(x, o, 15, importance, column, codes);
    putF16(b, at, fit.scale());
    putF16(b, at + 2, -fit.min());
    putNibbles(codes, b, at + 4);
  }

  static void q5_1(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    int[] codes = new int[32];
    Fits.Affine fit = unsigned(x, o, 31, importance, column, codes);
    putF16(b, at, fit.scale());
    putF16(b, at + 2, -fit.min());
    putI32(b, at + 4, fifthBits(codes));
    putNibbles(codes, b, at + 8);
  }

  static void q8_0(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    float d = Math.abs(Fits.extreme(x, o, 32)) / 127;
    float inverse = inverse(d);
    putF16(b, at, d);
    for (int i = 0; i < 32; i++) {
      b[at + 2 + i] = (byte) Fits.nearestAway(x[o + i] * inverse);
    }
  }

  static float inverse(float d) {
    return d != 0 ? 1 / d : 0;
  }

  /** Codes 0 to 2 limit - 1 around {@code limit}; returns the scale. */
  private static float signed(
      float[] x, int o, int limit, Importance importance, int column, int[] codes) {
    if (importance != null) {
      float[] w = new float[32];
      importance.weigh(x, o, column, 32, importance.rowMeanSquare(), w);
      return Fits.symmetric(x, o, 32, limit, w, 0, codes, 0);
    }
    float d = Fits.extreme(x, o, 32) / -limit;
    float inverse = inverse(d);
    for (int i = 0; i < 32; i++) {
      codes[i] = Math.min(2 * limit - 1, (int) (x[o + i] * inverse + (limit + 0.5f)));
    }
    return d;
  }

  private static Fits.Affine unsigned(
      float[] x, int o, int limit, Importance importance, int column, int[] codes) {
    if (importance != null) {
      float[] w = new float[32];
      importance.weigh(x, o, column, 32, importance.rowMeanSquare(), w);
      return Fits.affine(x, o, 32, limit, w, Fits.AffineSearch.WEIGHTED, codes, 0);
    }
    float min = x[o];
    float max = x[o];
    for (int i = o + 1; i < o + 32; i++) {
      min = Math.min(min, x[i]);
      max = Math.max(max, x[i]);
    }
    float d = (max - min) / limit;
    float inverse = inverse(d);
    for (int i = 0; i < 32; i++) {
      codes[i] = Math.min(limit, (int) ((x[o + i] - min) * inverse + 0.5f));
    }
    return new Fits.Affine(d, -min);
  }

  private static int fifthBits(int[] codes) {
    int bits = 0;
    for (int i = 0; i < 32; i++) {
      bits |= (codes[i] >> 4 & 1) << i;
    }
    return bits;
  }

  private static void putNibbles(int[] codes, byte[] b, int at) {
    for (int j = 0; j < 16; j++) {
      b[at + j] = (byte) ((codes[j] & 15) | codes[j + 16] << 4);
    }
  }
}
