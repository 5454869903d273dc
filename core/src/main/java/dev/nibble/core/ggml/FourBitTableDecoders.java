package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.f16;
import static dev.nibble.core.ggml.LittleEndian.u16;
import static dev.nibble.core.ggml.LittleEndian.u8;

/**
 * Four-bit codes into a fixed table ({@link Levels}).
 *
 * <pre>
 * IQ4_NL  d f16 | nibbles [16]                                          d V[q]         32 elements
 * IQ4_XS  d f16 | high scale bits u16 | low scale nibbles [4] | [128]   d (s - 32) V[q]    256
 * MXFP4   E8M0 scale | nibbles [16]                                     2^(E-128) F[q]      32
 * NVFP4   UE4M3 scale per 16 elements [4] | nibbles [32]                s/2 F[q]            64
 * </pre>
 */
final class FourBitTableDecoders {
  private FourBitTableDecoders() {}

  private static void nibbles(
      byte[] b, int at, int half, float scale, float[] table, float[] out, int o) {
    for (int j = 0; j < half; j++) {
      int q = b[at + j];
      out[o + j] = scale * table[q & 15];
      out[o + half + j] = scale * table[q >> 4 & 15];
    }
  }

  static void iq4Nl(byte[] b, int at, float[] out, int o) {
    nibbles(b, at + 2, 16, f16(b, at), Levels.IQ4, out, o);
  }

  static void iq4Xs(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    int highs = u16(b, at + 2);
    for (int j = 0; j < 8; j++) {
      int low = b[at + 4 + (j >> 1)] >> (4 * (j & 1)) & 15;
      int scale = (low | (highs >> (2 * j) & 3) << 4) - 32;
      nibbles(b, at + 8 + 16 * j, 16, d * scale, Levels.IQ4, out, o + 32 * j);
    }
  }

  static void mxfp4(byte[] b, int at, float[] out, int o) {
    float scale = Levels.halfE8m0(u8(b, at));
    nibbles(b, at + 1, 16, scale, Levels.E2M1_DOUBLED, out, o);
  }

  static void nvfp4(byte[] b, int at, float[] out, int o) {
    for (int s = 0; s < 4; s++) {
      float scale = Levels.halfUe4m3(u8(b, at + s));
      nibbles(b, at + 4 + 8 * s, 8, scale, Levels.E2M1_DOUBLED, out, o + 16 * s);
    }
  }
}
