package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.f16;
import static dev.nibble.core.ggml.LittleEndian.i32;
import static dev.nibble.core.ggml.LittleEndian.i64;
import static dev.nibble.core.ggml.LittleEndian.u16;

/** Single little-endian numbers; F64 and the wide integers are rounded to float. */
final class PlainDecoders {
  private PlainDecoders() {}

  static void f32(byte[] b, int at, float[] out, int o) {
    out[o] = Float.intBitsToFloat(i32(b, at));
  }

  static void half(byte[] b, int at, float[] out, int o) {
    out[o] = f16(b, at);
  }

  static void bf16(byte[] b, int at, float[] out, int o) {
    out[o] = Float.intBitsToFloat(u16(b, at) << 16);
  }

  static void f64(byte[] b, int at, float[] out, int o) {
    out[o] = (float) Double.longBitsToDouble(i64(b, at));
  }

  static void i8(byte[] b, int at, float[] out, int o) {
    out[o] = b[at];
  }

  static void int16(byte[] b, int at, float[] out, int o) {
    out[o] = (short) u16(b, at);
  }

  static void int32(byte[] b, int at, float[] out, int o) {
    out[o] = i32(b, at);
  }

  static void int64(byte[] b, int at, float[] out, int o) {
    out[o] = i64(b, at);
  }
}
