package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.putF16;
import static dev.nibble.core.ggml.LittleEndian.putU16;

import java.util.Arrays;

/** Encoders of the layouts in {@link FourBitTableDecoders}. */
final class FourBitTableEncoders {
  private static final int TRIALS = 7;

  private FourBitTableEncoders() {}

  static void iq4Nl(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    float sigma2 = 2 * Importance.sumOfSquares(x, o, 32) / 32;
    float d = iq4Scale(x, o, importance, column, sigma2);
    putF16(b, at, d);
    putIq4(x, o, LegacyEncoders.inverse(d), b, at + 2);
  }

  static void iq4Xs(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    float sigma2 = 2 * Importance.sumOfSquares(x, o, 256) / 256;
    float[] scales = new float[8];
    for (int j = 0; j < 8; j++) {
      scales[j] = iq4Scale(x, o + 32 * j, importance, column + 32 * j, sigma2);
    }
    float d = -Fits.extreme(scales, 0, 8) / 32;
    float inverse = LegacyEncoders.inverse(d);
    putF16(b, at, d);
    Arrays.fill(b, at + 4, at + 8, (byte) 0);
    int highs = 0;
    for (int j = 0; j < 8; j++) {
      int l = Math.clamp(Fits.nearest(inverse * scales[j]), -32, 31);
      putIq4(x, o + 32 * j, LegacyEncoders.inverse(d * l), b, at + 8 + 16 * j);
      b[at + 4 + (j >> 1)] |= (byte) ((l + 32 & 15) << (4 * (j & 1)));
      highs |= ((l + 32) >> 4) << (2 * j);
    }
    putU16(b, at + 2, highs);
  }

  /** Least-squares scale of 32 elements over 16 trial scales. */
  private static float iq4Scale(float[] x, int o, Importance importance, int column, float sigma2) {
    float extreme = Fits.extreme(x, o, 32);
    if (Math.abs(extreme) < 1e-15f) {
      return 0;
    }
    float[] w = new float[32];
    if (importance != null) {
      importance.weigh(x, o, column, 32, sigma2, w);
    } else {
      for (int i = 0; i < 32; i++) {
        w[i] = x[o + i] * x[o + i];
      }
    }
    float scale = 0;
    float best = 0;
    for (int trial = -TRIALS - 1; trial <= TRIALS; trial++) {
      boolean first = trial < -TRIALS;
      float inverse = first ? 1 / (-extreme / Levels.IQ4[0]) : (trial + Levels.IQ4[0]) / extreme;
      float sumQx = 0;
      float sumQ2 = 0;
      for (int i = 0; i < 32; i++) {
        float q = Levels.IQ4[Levels.nearestIq4(inverse * x[o + i])];
        sumQx += w[i] * q * x[o + i];
        sumQ2 += w[i] * q * q;
      }
      if (sumQ2 > 0 && (first || sumQx * sumQx > best * sumQ2)) {
        scale = sumQx / sumQ2;
        best = scale * sumQx;
      }
    }
    return scale;
  }

  private static void putIq4(float[] x, int o, float inverse, byte[] b, int at) {
    for (int i = 0; i < 16; i++) {
      int low = Levels.nearestIq4(inverse * x[o + i]);
      b[at + i] = (byte) (low | Levels.nearestIq4(inverse * x[o + 16 + i]) << 4);
    }
  }

  static void mxfp4(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    float largest = Math.abs(Fits.extreme(x, o, 32));
    int exponent = 0;
    if (largest > 0) {
      double log2 = (float) (Math.log(largest) / Math.log(2));
      exponent = Math.clamp((int) Math.floor(log2) - 2 + 127, 0, 254);
    }
    b[at] = (byte) exponent;
    putE2m1(x, o, 16, Levels.halfE8m0(exponent), b, at + 1);
  }

  static void nvfp4(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    for (int s = 0; s < 4; s++) {
      int from = o + 16 * s;
      int scale = Levels.toUe4m3(Math.abs(Fits.extreme(x, from, 16)) / 6);
      b[at + s] = (byte) scale;
      putE2m1(x, from, 8, Levels.halfUe4m3(scale), b, at + 4 + 8 * s);
    }
  }

  private static void putE2m1(float[] x, int o, int half, float scale, byte[] b, int at) {
    for (int i = 0; i < half; i++) {
      int low = Levels.nearestE2m1(x[o + i], scale);
      b[at + i] = (byte) (low | Levels.nearestE2m1(x[o + half + i], scale) << 4);
    }
  }
}
