package dev.nibble.core.tensor;

import dev.nibble.core.format.FloatFormat;
import dev.nibble.core.format.NumberFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Element type of a stored dense array, little-endian. */
public enum DType {
  F64(8),
  F32(4),
  F16(2),
  BF16(2),
  I64(8),
  I32(4),
  I16(2),
  I8(1),
  U64(8),
  U32(4),
  U16(2),
  U8(1),
  BOOL(1),
  F8_E4M3(1),
  F8_E5M2(1),
  /** Power of two: 2^(byte - 127), 255 is NaN (OCP MX scales). */
  F8_E8M0(1);

  private static final NumberFormat E4M3 = new FloatFormat(4, 3);

  private static final ValueLayout.OfShort LE16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LE64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes per element. */
  public int bytes() {
    return bytes;
  }

  /** True for the types that hold real numbers rather than integers or flags. */
  public boolean isFloat() {
    return switch (this) {
      case F64, F32, F16, BF16, F8_E4M3, F8_E5M2, F8_E8M0 -> true;
      default -> false;
    };
  }

  /**
   * Element {@code index} of {@code data} as a float (rounded for F64 and for integers of 32 and 64
   * bits).
   */
  public float get(MemorySegment data, long index) {
    return switch (this) {
      case F64 -> (float) Double.longBitsToDouble(data.get(LE64, index * 8));
      case F32 -> Float.intBitsToFloat(data.get(LE32, index * 4));
      case F16 -> Float.float16ToFloat(data.get(LE16, index * 2));
      case BF16 -> Float.intBitsToFloat(data.get(LE16, index * 2) << 16);
      case I64 -> data.get(LE64, index * 8);
      case I32 -> data.get(LE32, index * 4);
      case I16 -> data.get(LE16, index * 2);
      case I8 -> data.get(ValueLayout.JAVA_BYTE, index);
      case U64 -> unsigned(data.get(LE64, index * 8));
      case U32 -> data.get(LE32, index * 4) & 0xffffffffL;
      case U16 -> data.get(LE16, index * 2) & 0xffff;
      case U8 -> data.get(ValueLayout.JAVA_BYTE, index) & 0xff;
      case BOOL -> data.get(ValueLayout.JAVA_BYTE, index) != 0 ? 1f : 0f;
      case F8_E4M3 -> E4M3.decode(data.get(ValueLayout.JAVA_BYTE, index) & 0xff);
      case F8_E5M2 -> Float.float16ToFloat((short) (data.get(ValueLayout.JAVA_BYTE, index) << 8));
      case F8_E8M0 -> e8m0(data.get(ValueLayout.JAVA_BYTE, index));
    };
  }

  /** Half of the value with the lost bit kept sticky rounds as the whole would. */
  private static float unsigned(long value) {
    return value >= 0 ? value : 2f * ((value >>> 1) | (value & 1));
  }

  private static float e8m0(byte bits) {
    return bits == -1 ? Float.NaN : Math.scalb(1f, (bits & 0xff) - 127);
  }

  /**
   * Stores {@code value} rounded to nearest, ties to even. Only the types written by Nibble: F32,
   * F16, BF16.
   *
   * @throws IllegalArgumentException for any other type
   */
  public void set(MemorySegment data, long index, float value) {
    switch (this) {
      case F32 -> data.set(LE32, index * 4, Float.floatToRawIntBits(value));
      case F16 -> data.set(LE16, index * 2, Float.floatToFloat16(value));
      case BF16 -> data.set(LE16, index * 2, toBf16(value));
      default -> throw new IllegalArgumentException("not a writable element type: " + this);
    }
  }

  /** Upper half of the float, rounded to nearest even; NaN stays NaN. */
  public static short toBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }
}
