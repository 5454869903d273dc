package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.f16;
import static dev.nibble.core.ggml.LittleEndian.u8;

/**
 * Values -d, 0 and d for 256 elements.
 *
 * <pre>
 * TQ1_0  32 + 16 bytes of five trits, 4 bytes of four trits | d f16
 * TQ2_0  two-bit codes laid out as in the K-quants [64] | d f16
 * </pre>
 *
 * A TQ1_0 byte is a fixed-point fraction: trit n is the integer part of three times the fraction
 * that remains after multiplying by 3^n. Trit n of consecutive bytes belongs to consecutive
 * elements.
 */
final class TernaryDecoders {
  private static final int[] POWERS_OF_3 = {1, 3, 9, 27, 81};

  private TernaryDecoders() {}

  static void tq1_0(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at + 52);
    o = trits(b, at, 32, 5, d, out, o);
    o = trits(b, at + 32, 16, 5, d, out, o);
    trits(b, at + 48, 4, 4, d, out, o);
  }

  private static int trits(byte[] b, int at, int bytes, int trits, float d, float[] out, int o) {
    for (int n = 0; n < trits; n++) {
      for (int i = 0; i < bytes; i++) {
        int fraction = u8(b, at + i) * POWERS_OF_3[n] & 0xff;
        out[o++] = (((fraction * 3) >> 8) - 1) * d;
      }
    }
    return o;
  }

  static void tq2_0(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at + 64);
    for (int half = 0; half < 2; half++) {
      for (int k = 0; k < 4; k++) {
        for (int l = 0; l < 32; l++) {
          out[o++] = ((b[at + 32 * half + l] >> (2 * k) & 3) - 1) * d;
        }
      }
    }
  }
}
