package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.putF16;

import java.util.Arrays;

/**
 * Encoders of Q2_K, Q4_K and Q5_K ({@link KQuantDecoders} has the layouts): a scale and a minimum
 * per sub-block, both rounded to small integers times one half-float each, then all codes chosen
 * again with the rounded values.
 */
final class AffineKQuantEncoders {
  private final int size;
  private final int maxCode;
  private final int maxScale;
  private final int[] codes = new int[256];
  private final int[] scales;
  private final int[] mins;
  private float d;
  private float dmin;

  private AffineKQuantEncoders(int subBlocks, int maxCode, int maxScale) {
    this.size = 256 / subBlocks;
    this.maxCode = maxCode;
    this.maxScale = maxScale;
    this.scales = new int[subBlocks];
    this.mins = new int[subBlocks];
  }

  static void q2K(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    AffineKQuantEncoders block = new AffineKQuantEncoders(16, 3, 15);
    block.fit(x, o, importance, column, new Fits.AffineSearch(-0.5f, 0.1f, 15, true));
    block.requantize(x, o, putF16(b, at + 80, block.d), putF16(b, at + 82, block.dmin));
    for (int j = 0; j < 16; j++) {
      b[at + j] = (byte) (block.scales[j] | block.mins[j] << 4);
    }
    putCrumbs(block.codes, b, at + 16);
  }

  static void q4K(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    AffineKQuantEncoders block = new AffineKQuantEncoders(8, 15, 63);
    block.fit(x, o, importance, column, new Fits.AffineSearch(-1f, 0.1f, 20, false));
    block.requantize(x, o, putF16(b, at, block.d), putF16(b, at + 2, block.dmin));
    block.putScales(b, at + 4);
    putNibbles(block.codes, b, at + 16);
  }

  static void q5K(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    AffineKQuantEncoders block = new AffineKQuantEncoders(8, 31, 63);
    block.fit(x, o, importance, column, new Fits.AffineSearch(-0.5f, 0.1f, 15, false));
    block.requantize(x, o, putF16(b, at, block.d), putF16(b, at + 2, block.dmin));
    block.putScales(b, at + 4);
    Arrays.fill(b, at + 16, at + 48, (byte) 0);
    for (int e = 0; e < 256; e++) {
      b[at + 16 + (e & 31)] |= (byte) ((block.codes[e] >> 4) << (e >> 5));
    }
    putNibbles(block.codes, b, at + 48);
  }

  private void fit(
      float[] x, int o, Importance importance, int column, Fits.AffineSearch plainSearch) {
    int count = scales.length;
    float[] scale = new float[count];
    float[] min = new float[count];
    float[] total = new float[count];
    float[] w = new float[size];
    float sum = importance == null ? 0 : Importance.sumOfSquares(x, o, 256);
    float sigma2 = (maxCode == 3 ? sum : 2 * sum) / 256;
    for (int j = 0; j < count; j++) {
      int from = o + size * j;
      if (importance == null) {
        plainWeights(x, from, w);
      } else {
        importance.weigh(x, from, column + size * j, size, sigma2, w);
        for (float v : w) {
          total[j] += v;
        }
      }
      Fits.Affine fit =
          Fits.affine(
              x,
              from,
              size,
              maxCode,
              w,
              importance == null ? plainSearch : Fits.AffineSearch.WEIGHTED,
              codes,
              size * j);
      scale[j] = fit.scale();
      min[j] = fit.min();
    }
    d = importance == null ? plainScale(scale, scales) : weightedScale(scale, total, scales);
    dmin = importance == null ? plainScale(min, mins) : weightedScale(min, total, mins);
  }

  private void plainWeights(float[] x, int from, float[] w) {
    float base =
        maxCode == 3 ? 0 : (float) Math.sqrt(Importance.sumOfSquares(x, from, size) / size);
    for (int i = 0; i < size; i++) {
      w[i] = base + Math.abs(x[from + i]);
    }
  }

  private float plainScale(float[] values, int[] integers) {
    float max = 0;
    for (float v : values) {
      max = Math.max(max, v);
    }
    float inverse = max > 0 ? maxScale / max : 0;
    for (int j = 0; j < values.length; j++) {
      integers[j] = Math.clamp(Fits.nearest(inverse * values[j]), 0, maxScale);
    }
    return max / maxScale;
  }

  private float weightedScale(float[] values, float[] w, int[] integers) {
    return Fits.positive(values, values.length, maxScale, w, integers);
  }

  private void requantize(float[] x, int o, float half, float halfMin) {
    for (int j = 0; j < scales.length; j++) {
      float step = half * scales[j];
      if (step == 0) {
        continue;
      }
      float low = halfMin * mins[j];
      for (int i = size * j; i < size * (j + 1); i++) {
        codes[i] = Math.clamp(Fits.nearest((x[o + i] + low) / step), 0, maxCode);
      }
    }
  }

  /** Eight 6-bit scales and mins in twelve bytes. */
  private void putScales(byte[] b, int at) {
    for (int j = 0; j < 4; j++) {
      b[at + j] = (byte) (scales[j] | (scales[j + 4] >> 4) << 6);
      b[at + 4 + j] = (byte) (mins[j] | (mins[j + 4] >> 4) << 6);
      b[at + 8 + j] = (byte) ((scales[j + 4] & 15) | mins[j + 4] << 4);
    }
  }

  /** Two-bit codes in the crumb layout of the K-quants. */
  static void putCrumbs(int[] codes, byte[] b, int at) {
    for (int half = 0; half < 2; half++) {
      for (int l = 0; l < 32; l++) {
        int e = 128 * half + l;
        b[at + 32 * half + l] =
            (byte) (codes[e] | codes[e + 32] << 2 | codes[e + 64] << 4 | codes[e + 96] << 6);
      }
    }
  }

  private static void putNibbles(int[] codes, byte[] b, int at) {
    for (int pair = 0; pair < 4; pair++) {
      for (int l = 0; l < 32; l++) {
        int e = 64 * pair + l;
        b[at + 32 * pair + l] = (byte) ((codes[e] & 15) | codes[e + 32] << 4);
      }
    }
  }
}
