package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.putF16;

import java.util.Arrays;

/**
 * Encoders of Q3_K and Q6_K ({@link KQuantDecoders} has the layouts): sixteen signed sub-block
 * scales rounded to integers times a half-float, then all codes chosen again.
 */
final class SymmetricKQuantEncoders {
  private SymmetricKQuantEncoders() {}

  static void q3K(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    int[] codes = new int[256];
    int[] integers = new int[16];
    float d = q3Scales(x, o, importance, column, codes, integers);
    float half = putF16(b, at + 108, d);
    for (int j = 0; j < 16; j++) {
      requantize(x, o, half * (integers[j] - 32), 4, codes, 16 * j);
    }
    Arrays.fill(b, at, at + 32, (byte) 0);
    Arrays.fill(b, at + 96, at + 108, (byte) 0);
    for (int e = 0; e < 256; e++) {
      b[at + (e & 31)] |= (byte) ((codes[e] >> 2) << (e >> 5));
      codes[e] &= 3;
    }
    AffineKQuantEncoders.putCrumbs(codes, b, at + 32);
    for (int j = 0; j < 16; j++) {
      b[at + 96 + (j & 7)] |= (byte) ((integers[j] & 15) << (4 * (j >> 3)));
      b[at + 104 + (j & 3)] |= (byte) ((integers[j] >> 4) << (2 * (j >> 2)));
    }
  }

  /** Fits codes and the 6-bit scales (stored plus 32); returns the super-block scale. */
  private static float q3Scales(
      float[] x, int o, Importance importance, int column, int[] codes, int[] integers) {
    float[] scales = new float[16];
    if (importance == null) {
      for (int j = 0; j < 16; j++) {
        scales[j] = Fits.ascent(x, o + 16 * j, 16, 4, codes, 16 * j);
      }
      float extreme = Fits.extreme(scales, 0, 16);
      if (extreme == 0) {
        return 0;
      }
      float inverse = -32 / extreme;
      for (int j = 0; j < 16; j++) {
        integers[j] = Math.clamp(Fits.nearest(inverse * scales[j]), -32, 31) + 32;
      }
      return 1 / inverse;
    }
    float sigma2 = 2 * Importance.sumOfSquares(x, o, 256) / 256;
    float[] total = new float[16];
    float[] w = new float[16];
    for (int j = 0; j < 16; j++) {
      importance.weigh(x, o + 16 * j, column + 16 * j, 16, sigma2, w);
      for (float v : w) {
        total[j] += v;
      }
      scales[j] = Fits.symmetric(x, o + 16 * j, 16, 4, w, 0, codes, 16 * j);
    }
    return Fits.symmetric(scales, 0, 16, 32, total, 0, integers, 0);
  }

  static void q6K(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    int[] codes = new int[256];
    float[] scales = new float[16];
    for (int j = 0; j < 16; j++) {
      float[] w = importance == null ? null : importance.columns();
      scales[j] = Fits.symmetric(x, o + 16 * j, 16, 32, w, column + 16 * j, codes, 16 * j);
    }
    float extreme = Fits.extreme(scales, 0, 16);
    if (Math.abs(extreme) < 1e-15f) {
      Arrays.fill(b, at, at + 210, (byte) 0);
      return;
    }
    float inverse = -128 / extreme;
    float half = putF16(b, at + 208, 1 / inverse);
    for (int j = 0; j < 16; j++) {
      int scale = Math.min(127, Fits.nearest(inverse * scales[j]));
      b[at + 192 + j] = (byte) scale;
      requantize(x, o, half * scale, 32, codes, 16 * j);
    }
    for (int h = 0; h < 2; h++) {
      for (int l = 0; l < 64; l++) {
        int e = 128 * h + l;
        b[at + 64 * h + l] = (byte) ((codes[e] & 15) | codes[e + 64] << 4);
      }
    }
    for (int e = 0; e < 256; e++) {
      codes[e] >>= 4;
    }
    AffineKQuantEncoders.putCrumbs(codes, b, at + 128);
  }

  private static void requantize(float[] x, int o, float step, int limit, int[] codes, int from) {
    if (step == 0) {
      return;
    }
    for (int i = from; i < from + 16; i++) {
      codes[i] = Math.clamp(Fits.nearest(x[o + i] / step), -limit, limit - 1) + limit;
    }
  }
}
