package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.putF16;

/** Encoders of the layouts in {@link TernaryDecoders}: the scale is the largest magnitude. */
final class TernaryEncoders {
  private TernaryEncoders() {}

  static void tq1_0(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    int[] trits = trits(x, o, b, at + 52);
    putTrits(trits, 0, 32, 5, b, at);
    putTrits(trits, 160, 16, 5, b, at + 32);
    putTrits(trits, 240, 4, 4, b, at + 48);
  }

  static void tq2_0(float[] x, int o, Importance importance, int column, byte[] b, int at) {
    AffineKQuantEncoders.putCrumbs(trits(x, o, b, at + 64), b, at);
  }

  private static int[] trits(float[] x, int o, byte[] b, int scaleAt) {
    float d = Math.abs(Fits.extreme(x, o, 256));
    float inverse = LegacyEncoders.inverse(d);
    putF16(b, scaleAt, d);
    int[] trits = new int[256];
    for (int i = 0; i < 256; i++) {
      trits[i] = Fits.nearestAway(x[o + i] * inverse) + 1;
    }
    return trits;
  }

  /** Base-3 numbers of five digits as fractions of 243, rounded up to 256ths. */
  private static void putTrits(int[] trits, int from, int bytes, int count, byte[] b, int at) {
    for (int i = 0; i < bytes; i++) {
      int number = 0;
      for (int n = 0; n < 5; n++) {
        number = number * 3 + (n < count ? trits[from + n * bytes + i] : 0);
      }
      b[at + i] = (byte) ((number * 256 + 242) / 243);
    }
  }
}
