package dev.nibble.core.spec;

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
}
