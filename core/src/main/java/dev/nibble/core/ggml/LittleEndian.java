package dev.nibble.core.ggml;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Little-endian fields inside a block. */
final class LittleEndian {
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private LittleEndian() {}

  static int u8(byte[] b, int at) {
    return b[at] & 0xff;
  }

  static int u16(byte[] b, int at) {
    return (short) SHORT.get(b, at) & 0xffff;
  }

  static int i32(byte[] b, int at) {
    return (int) INT.get(b, at);
  }

  static long i64(byte[] b, int at) {
    return (long) LONG.get(b, at);
  }

  static float f16(byte[] b, int at) {
    return Float.float16ToFloat((short) SHORT.get(b, at));
  }

  static void putU16(byte[] b, int at, int value) {
    SHORT.set(b, at, (short) value);
  }

  static void putI32(byte[] b, int at, int value) {
    INT.set(b, at, value);
  }

  /** Stores {@code value} rounded to half precision and returns what was stored. */
  static float putF16(byte[] b, int at, float value) {
    short half = Float.floatToFloat16(value);
    SHORT.set(b, at, half);
    return Float.float16ToFloat(half);
  }
}
