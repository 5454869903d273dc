package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.I;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Codes and scales of ggml blocks of 32 elements. Element e below 16 is the low half of byte e, the
 * others the high half of byte {@code e - 16}; {@code stride} bytes lie between blocks and {@code
 * header} bytes before a block's codes.
 */
final class LegacyCodes {
  private static final IntVector LANE = IntVector.broadcast(I, 0).addIndex(1);

  private LegacyCodes() {}

  /** Four-bit codes less {@code bias}. */
  static void bits4(
      MemorySegment s, int at, int stride, int header, int blocks, int bias, float[] out) {
    for (int b = 0; b < blocks; b++) {
      int from = at + b * stride + header;
      for (int k = 0; k < 16; k += WIDTH) {
        IntVector v = Bytes.unsigned(s, from + k);
        Bytes.store(v.and(15).sub(bias), out, 32 * b + k);
        Bytes.store(v.lanewise(VectorOperators.LSHR, 4).sub(bias), out, 32 * b + 16 + k);
      }
    }
  }

  /** Five-bit codes less {@code bias}; the fifth bits are a word right before the nibbles. */
  static void bits5(
      MemorySegment s, int at, int stride, int header, int blocks, int bias, float[] out) {
    for (int b = 0; b < blocks; b++) {
      int from = at + b * stride + header;
      int high = s.get(Bytes.LE32, from);
      for (int k = 0; k < 16; k += WIDTH) {
        IntVector v = Bytes.unsigned(s, from + 4 + k);
        IntVector low = v.and(15).or(fifth(high >>> k));
        IntVector up = v.lanewise(VectorOperators.LSHR, 4).or(fifth(high >>> (16 + k)));
        Bytes.store(low.sub(bias), out, 32 * b + k);
        Bytes.store(up.sub(bias), out, 32 * b + 16 + k);
      }
    }
  }

  /** 16 times bit i of {@code bits} in lane i. */
  private static IntVector fifth(int bits) {
    return IntVector.broadcast(I, bits)
        .lanewise(VectorOperators.LSHR, LANE)
        .and(1)
        .lanewise(VectorOperators.LSHL, 4);
  }

  /** Signed bytes. */
  static void bits8(MemorySegment s, int at, int stride, int header, int blocks, float[] out) {
    for (int b = 0; b < blocks; b++) {
      int from = at + b * stride + header;
      for (int k = 0; k < 32; k += WIDTH) {
        Bytes.store(Bytes.signed(s, from + k), out, 32 * b + k);
      }
    }
  }

  /** The half-precision scale that starts each block. */
  static void steps(MemorySegment s, int at, int stride, int blocks, float[] steps) {
    for (int b = 0; b < blocks; b++) {
      steps[b] = Bytes.half(s, at + b * stride);
    }
  }

  /** The scale and the summand that start each block. */
  static void stepsAndLows(
      MemorySegment s, int at, int stride, int blocks, float[] steps, float[] lows) {
    for (int b = 0; b < blocks; b++) {
      steps[b] = Bytes.half(s, at + b * stride);
      lows[b] = Bytes.half(s, at + b * stride + 2);
    }
  }
}
