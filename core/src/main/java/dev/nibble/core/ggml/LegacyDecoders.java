package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.f16;
import static dev.nibble.core.ggml.LittleEndian.i32;

/**
 * Blocks of 32 elements with one scale, and the newest one- and two-bit types of the same kind. In
 * all nibble types element e below 16 is the low half of byte e, the others the high half of byte
 * {@code e - 16}.
 *
 * <pre>
 * Q4_0  d f16 | 16 bytes of nibbles             (q - 8) d
 * Q4_1  d f16 | m f16 | 16 bytes of nibbles     q d + m
 * Q5_0  d f16 | fifth bits u32 | 16 bytes       (q - 16) d
 * Q5_1  d f16 | m f16 | fifth bits u32 | 16     q d + m
 * Q8_0  d f16 | 32 int8                         q d
 * Q1_0  d f16 | 128 sign bits, set = +          +-d
 * Q2_0  d f16 | 64 two-bit codes                (q - 1) d
 * </pre>
 */
final class LegacyDecoders {
  private LegacyDecoders() {}

  static void q4_0(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    for (int j = 0; j < 16; j++) {
      int q = b[at + 2 + j];
      out[o + j] = ((q & 15) - 8) * d;
      out[o + 16 + j] = ((q >> 4 & 15) - 8) * d;
    }
  }

  static void q4_1(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    float m = f16(b, at + 2);
    for (int j = 0; j < 16; j++) {
      int q = b[at + 4 + j];
      out[o + j] = (q & 15) * d + m;
      out[o + 16 + j] = (q >> 4 & 15) * d + m;
    }
  }

  static void q5_0(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    int high = i32(b, at + 2);
    for (int j = 0; j < 16; j++) {
      int q = b[at + 6 + j];
      out[o + j] = (((q & 15) | (high >>> j & 1) << 4) - 16) * d;
      out[o + 16 + j] = (((q >> 4 & 15) | (high >>> (16 + j) & 1) << 4) - 16) * d;
    }
  }

  static void q5_1(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    float m = f16(b, at + 2);
    int high = i32(b, at + 4);
    for (int j = 0; j < 16; j++) {
      int q = b[at + 8 + j];
      out[o + j] = ((q & 15) | (high >>> j & 1) << 4) * d + m;
      out[o + 16 + j] = ((q >> 4 & 15) | (high >>> (16 + j) & 1) << 4) * d + m;
    }
  }

  static void q8_0(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    for (int j = 0; j < 32; j++) {
      out[o + j] = b[at + 2 + j] * d;
    }
  }

  static void q1_0(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    for (int e = 0; e < 128; e++) {
      out[o + e] = (b[at + 2 + (e >> 3)] >> (e & 7) & 1) != 0 ? d : -d;
    }
  }

  static void q2_0(byte[] b, int at, float[] out, int o) {
    float d = f16(b, at);
    for (int e = 0; e < 64; e++) {
      out[o + e] = ((b[at + 2 + (e >> 2)] >> (2 * (e & 3)) & 3) - 1) * d;
    }
  }
}
