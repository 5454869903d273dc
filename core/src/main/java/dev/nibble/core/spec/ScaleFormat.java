package dev.nibble.core.spec;

import dev.nibble.core.format.FloatFormat;
import dev.nibble.core.format.NumberFormat;
import dev.nibble.core.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** How the scale of a group is stored. */
public enum ScaleFormat {
  FP32(4),
  FP16(2),
  BF16(2),
  /** Power of two, exponent + 127 in one byte (OCP MX). */
  E8M0(1),
  /** OCP FP8 E4M3 (NVFP4). */
  E4M3(1);

  private static final NumberFormat FLOAT8 = new FloatFormat(4, 3);

  private final int bytes;

  ScaleFormat(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes per scale. */
  public int bytes() {
    return bytes;
  }

  /** Scale {@code index} of a contiguous array. */
  public float get(MemorySegment data, long index) {
    return switch (this) {
      case FP32 -> DType.F32.get(data, index);
      case FP16 -> DType.F16.get(data, index);
      case BF16 -> DType.BF16.get(data, index);
      case E8M0 -> (float) Math.scalb(1.0, (data.get(ValueLayout.JAVA_BYTE, index) & 0xff) - 127);
      case E4M3 -> DType.F8_E4M3.get(data, index);
    };
  }

  /**
   * The stored scale for the ideal scale {@code value > 0}: always positive and finite, never zero.
   * To nearest, ties to even, in the format's normal range, where that costs a relative error of at
   * most 2^-24 in fp32, 2^-11 in fp16, 2^-8 in bf16 and 2^-4 in e4m3. Below it fp16 and e4m3 step
   * coarsely, so rounding goes up there, which never clips a group; E8M0 goes up everywhere for the
   * same reason. Values beyond the largest finite one saturate.
   *
   * @throws IllegalArgumentException unless {@code value} is positive and finite
   */
  public float round(double value) {
    if (!(value > 0) || Double.isInfinite(value)) {
      throw new IllegalArgumentException("a scale is positive and finite, not " + value);
    }
    return switch (this) {
      case FP32 -> (float) Math.clamp(value, Float.MIN_NORMAL, Float.MAX_VALUE);
      case FP16 -> roundHalf(value);
      case BF16 -> roundBrain(value);
      case E8M0 -> roundPower(value);
      case E4M3 -> roundFloat8(value);
    };
  }

  /**
   * The stored form of a number that can be 0 or, in formats with a sign, negative: the sign of
   * {@code value} on what {@link #round} makes of its magnitude.
   *
   * @throws IllegalArgumentException unless {@code value} is finite
   */
  public float roundSigned(double value) {
    return value == 0 ? 0f : Math.copySign(round(Math.abs(value)), (float) value);
  }

  private static float roundHalf(double value) {
    if (value < 0x1p-14) {
      return (float) (Math.ceil(value * 0x1p24) * 0x1p-24);
    }
    return Float.float16ToFloat(Float.floatToFloat16((float) Math.min(value, 65504.0)));
  }

  private static float roundBrain(double value) {
    float largest = Float.intBitsToFloat(0x7f7f0000);
    float clamped = (float) Math.clamp(value, Float.MIN_NORMAL, largest);
    return Float.intBitsToFloat(DType.toBf16(clamped) << 16);
  }

  private static float roundPower(double value) {
    int exponent = Math.getExponent(value);
    if (Math.scalb(1.0, exponent) < value) {
      exponent++;
    }
    return (float) Math.scalb(1.0, Math.clamp(exponent, -127, 127));
  }

  private static float roundFloat8(double value) {
    if (value < 0x1p-6) {
      return (float) (Math.ceil(value * 0x1p9) * 0x1p-9);
    }
    return FLOAT8.decode(FLOAT8.encode((float) value));
  }

  /**
   * Stores a scale that this format can hold exactly: one that {@link #round} returned, or 0 where
   * the format has it.
   *
   * @throws IllegalArgumentException when it cannot, which means that codes were computed with
   *     another scale than the stored one
   */
  public void set(MemorySegment data, long index, float scale) {
    switch (this) {
      case FP32 -> DType.F32.set(data, index, scale);
      case FP16 -> DType.F16.set(data, index, scale);
      case BF16 -> DType.BF16.set(data, index, scale);
      case E8M0 ->
          data.set(ValueLayout.JAVA_BYTE, index, (byte) (Math.clamp(log2(scale), -127, 127) + 127));
      case E4M3 -> data.set(ValueLayout.JAVA_BYTE, index, (byte) FLOAT8.encode(scale));
    }
    if (get(data, index) != scale) {
      throw new IllegalArgumentException(
          "scale " + scale + " is not a " + this + " value; round it before computing codes");
    }
  }

  /** Exponent of a positive float, subnormal or not. */
  private static int log2(float scale) {
    return Math.getExponent((double) scale);
  }
}
