package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.f16;
import static dev.nibble.core.ggml.LittleEndian.i32;
import static dev.nibble.core.ggml.LittleEndian.u16;
import static dev.nibble.core.ggml.LittleEndian.u8;

/**
 * i-quants: per 8 (or 4) elements an index into a grid of points, sign bits, and a 3- or 4-bit
 * scale per 16 or 32 elements. Super-blocks of 256; B = 32-element part, g = 8-element group, t = g
 * mod 4.
 *
 * <pre>
 * IQ2_XXS  d | per B: 4 indices u8, u32 w = 4 x 7 sign bits, 4-bit scale     d (1/2 + s)/4 grid
 * IQ2_XS   d | per g: u16 = 9-bit index, 7 sign bits | scale nibbles [8]     d (1/2 + s)/4 grid
 * IQ2_S    d | index low [32] | signs [32] | index high [8] | scales [8]     d (1/2 + s)/4 grid
 * IQ3_XXS  d | index per 4 elements [64] | per B: u32 w as IQ2_XXS           d (1/2 + s)/2 grid
 * IQ3_S    d | index low [64] | index high [8] | signs [32] | scales [4]     d (1 + 2s) grid
 * IQ1_S    d | index low [32] | per B: u16 = 4 x 3 index bits, s, shift sign d (1 + 2s)(grid +- 1/8)
 * IQ1_M    index low [32] | per g nibble: 3 index bits, shift sign | scales  d (1 + 2s)(grid +- 1/8)
 * </pre>
 *
 * Where only seven sign bits are stored, the eighth makes the number of ones even.
 */
final class GridDecoders {
  private GridDecoders() {}

  /** Eight sign bits from seven. */
  static int evenParity(int seven) {
    return seven | (Integer.bitCount(seven) & 1) << 7;
  }

  private static void signed(
      byte[] grid, int point, int n, int signs, float scale, float[] out, int o) {
    for (int i = 0; i < n; i++) {
      float value = scale * grid[point * n + i];
      out[o + i] = (signs >> i & 1) != 0 ? -value : value;
    }
  }

  static void iq2Xxs(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    for (int part = 0; part < 8; part++) {
      int base = at + 2 + 8 * part;
      int w = i32(b, base + 4);
      float scale = d * (0.5f + (w >>> 28)) * 0.25f;
      for (int t = 0; t < 4; t++) {
        int signs = evenParity(w >>> (7 * t) & 127);
        signed(Grids.IQ2_XXS, u8(b, base + t), 8, signs, scale, out, o + 32 * part + 8 * t);
      }
    }
  }

  static void iq2Xs(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    for (int g = 0; g < 32; g++) {
      int code = u16(b, at + 2 + 2 * g);
      float scale = nibbleScale(d, b, at + 66, g);
      signed(Grids.IQ2_XS, code & 511, 8, evenParity(code >> 9), scale, out, o + 8 * g);
    }
  }

  static void iq2S(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    for (int g = 0; g < 32; g++) {
      int point = u8(b, at + 2 + g) | (u8(b, at + 66 + (g >> 2)) >> (2 * (g & 3)) & 3) << 8;
      float scale = nibbleScale(d, b, at + 74, g);
      signed(Grids.IQ2_S, point, 8, u8(b, at + 34 + g), scale, out, o + 8 * g);
    }
  }

  /** Scale of group {@code g} when each byte holds the nibbles of two 16-element halves. */
  private static float nibbleScale(float d, byte[] b, int scales, int g) {
    int s = u8(b, scales + (g >> 2)) >> (4 * (g >> 1 & 1)) & 15;
    return d * (0.5f + s) * 0.25f;
  }

  static void iq3Xxs(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    for (int part = 0; part < 8; part++) {
      int w = i32(b, at + 66 + 4 * part);
      float scale = d * (0.5f + (w >>> 28)) * 0.5f;
      for (int t = 0; t < 4; t++) {
        int signs = evenParity(w >>> (7 * t) & 127);
        int index = at + 2 + 8 * part + 2 * t;
        int to = o + 32 * part + 8 * t;
        signed(Grids.IQ3_XXS, u8(b, index), 4, signs, scale, out, to);
        signed(Grids.IQ3_XXS, u8(b, index + 1), 4, signs >> 4, scale, out, to + 4);
      }
    }
  }

  static void iq3S(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    for (int q = 0; q < 64; q++) {
      int part = q >> 3;
      int s = u8(b, at + 106 + (part >> 1)) >> (4 * (part & 1)) & 15;
      int point = u8(b, at + 2 + q) | (u8(b, at + 66 + part) >> (q & 7) & 1) << 8;
      int signs = u8(b, at + 74 + (q >> 1)) >> (4 * (q & 1));
      signed(Grids.IQ3_S, point, 4, signs, d * (1 + 2 * s), out, o + 4 * q);
    }
  }

  private static void shifted(int point, float shift, float scale, float[] out, int o) {
    for (int i = 0; i < 8; i++) {
      out[o + i] = scale * (Grids.IQ1[point * 8 + i] + shift);
    }
  }

  static void iq1S(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    for (int g = 0; g < 32; g++) {
      int high = u16(b, at + 34 + 2 * (g >> 2));
      float scale = d * (2 * (high >> 12 & 7) + 1);
      int point = u8(b, at + 2 + g) | (high >> (3 * (g & 3)) & 7) << 8;
      shifted(point, high >= 0x8000 ? -0.125f : 0.125f, scale, out, o + 8 * g);
    }
  }

  static void iq1M(byte[] b, int at, float[] out, int o) {
    int bits = 0;
    for (int z = 0; z < 4; z++) {
      bits |= (u16(b, at + 48 + 2 * z) >> 12) << (4 * z);
    }
    float d = Float.float16ToFloat((short) bits);
    for (int g = 0; g < 32; g++) {
      int sub = g >> 1;
      int s = u16(b, at + 48 + 2 * (sub >> 2)) >> (3 * (sub & 3)) & 7;
      int high = u8(b, at + 32 + (g >> 1)) >> (4 * (g & 1)) & 15;
      int point = u8(b, at + g) | (high & 7) << 8;
      shifted(point, (high & 8) != 0 ? -0.125f : 0.125f, d * (2 * s + 1), out, o + 8 * g);
    }
  }
}
