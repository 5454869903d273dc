package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.f16;
import static dev.nibble.core.ggml.LittleEndian.u8;

/**
 * Super-blocks of 256 elements whose sub-blocks have integer scales (and mins) times one half-float
 * each.
 *
 * <p>"Crumbs" are two-bit codes: element {@code 128 h + 32 k + l} is bits {@code 2k, 2k+1} of byte
 * {@code 32 h + l}.
 *
 * <pre>
 * Q2_K  scale|min nibbles [16] | crumbs [64] | d | dmin              d sc q - dmin mn
 * Q3_K  third bits [32] | crumbs [64] | 6-bit scales [12] | d        d sc (q - 4)
 * Q4_K  d | dmin | 6-bit scales and mins [12] | nibbles [128]        d sc q - dmin mn
 * Q5_K  d | dmin | as Q4_K [12] | fifth bits [32] | nibbles [128]    d sc q - dmin mn
 * Q6_K  low nibbles [128] | high crumbs [64] | int8 scales [16] | d  d sc (q - 32)
 * </pre>
 */
final class KQuantDecoders {
  private KQuantDecoders() {}

  static void q2K(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at + 80);
    float dmin = f16(b, at + 82);
    for (int j = 0; j < 16; j++) {
      int scale = u8(b, at + j);
      float step = d * (scale & 15);
      float low = dmin * (scale >> 4);
      int shift = 2 * (j >> 1 & 3);
      int codes = at + 16 + 32 * (j >> 3) + 16 * (j & 1);
      for (int i = 0; i < 16; i++) {
        out[o + 16 * j + i] = step * (b[codes + i] >> shift & 3) - low;
      }
    }
  }

  /** Signed scale of 16-element sub-block {@code j} from the 12 packed bytes at {@code at}. */
  static int q3Scale(byte[] b, int at, int j) {
    int low = u8(b, at + (j & 7)) >> (4 * (j >> 3)) & 15;
    int high = u8(b, at + 8 + (j & 3)) >> (2 * (j >> 2)) & 3;
    return (low | high << 4) - 32;
  }

  static void q3K(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at + 108);
    for (int j = 0; j < 16; j++) {
      float step = d * q3Scale(b, at + 96, j);
      int shift = 2 * (j >> 1 & 3);
      int codes = at + 32 + 32 * (j >> 3) + 16 * (j & 1);
      int highs = at + 16 * (j & 1);
      int highBit = j >> 1;
      for (int i = 0; i < 16; i++) {
        int q = (b[codes + i] >> shift & 3) + (b[highs + i] >> highBit & 1) * 4 - 4;
        out[o + 16 * j + i] = step * q;
      }
    }
  }

  /** Unsigned 6-bit scale of 32-element sub-block {@code j} from the 12 packed bytes. */
  static int q4Scale(byte[] b, int at, int j) {
    return j < 4 ? b[at + j] & 63 : (b[at + j + 4] & 15) | (u8(b, at + j - 4) >> 6) << 4;
  }

  /** Unsigned 6-bit min of sub-block {@code j}. */
  static int q4Min(byte[] b, int at, int j) {
    return j < 4 ? b[at + j + 4] & 63 : u8(b, at + j + 4) >> 4 | (u8(b, at + j) >> 6) << 4;
  }

  static void q4K(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    float dmin = f16(b, at + 2);
    for (int j = 0; j < 8; j++) {
      float step = d * q4Scale(b, at + 4, j);
      float low = dmin * q4Min(b, at + 4, j);
      int shift = 4 * (j & 1);
      int codes = at + 16 + 32 * (j >> 1);
      for (int i = 0; i < 32; i++) {
        out[o + 32 * j + i] = step * (b[codes + i] >> shift & 15) - low;
      }
    }
  }

  static void q5K(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    float dmin = f16(b, at + 2);
    for (int j = 0; j < 8; j++) {
      float step = d * q4Scale(b, at + 4, j);
      float low = dmin * q4Min(b, at + 4, j);
      int shift = 4 * (j & 1);
      int codes = at + 48 + 32 * (j >> 1);
      for (int i = 0; i < 32; i++) {
        int q = (b[codes + i] >> shift & 15) | (b[at + 16 + i] >> j & 1) << 4;
        out[o + 32 * j + i] = step * q - low;
      }
    }
  }

  static void q6K(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at + 208);
    for (int j = 0; j < 16; j++) {
      float step = d * b[at + 192 + j];
      int half = j >> 3;
      int k = j >> 1 & 3;
      int l = 16 * (j & 1);
      int lows = at + 64 * half + 32 * (k & 1) + l;
      int highs = at + 128 + 32 * half + l;
      for (int i = 0; i < 16; i++) {
        int q = (b[lows + i] >> (4 * (k >> 1)) & 15) | (b[highs + i] >> (2 * k) & 3) << 4;
        out[o + 16 * j + i] = step * (q - 32);
      }
    }
  }
}
