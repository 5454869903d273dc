package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.I;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Dot products of unsigned codes, one 32-bit word of codes per lane, with an input permuted to
 * {@code x[block + k·WIDTH + lane]} for code k of a lane's word. One method per width, each loop
 * small enough that the compiler keeps it in registers.
 */
final class WordDots {
  private WordDots() {}

  /** {@code Σ scale · code · x} over the first {@code whole} columns; a scale for each word. */
  static float bits8(MemorySegment codes, int at, int whole, float[] x, float[] scales) {
    FloatVector sum = FloatVector.zero(F);
    for (int b = 0; b < whole; b += 4 * WIDTH) {
      IntVector w = IntVector.fromMemorySegment(I, codes, at + b, LITTLE_ENDIAN);
      FloatVector even = term(w.and(255), x, b, FloatVector.zero(F));
      FloatVector odd = term(shifted(w, 8, 255), x, b + WIDTH, FloatVector.zero(F));
      even = term(shifted(w, 16, 255), x, b + 2 * WIDTH, even);
      odd = term(shifted(w, 24, 255), x, b + 3 * WIDTH, odd);
      sum = even.add(odd).fma(FloatVector.fromArray(F, scales, b >> 2), sum);
    }
    return Lanes.sum(sum);
  }

  /** As {@link #bits8} for eight codes a word. */
  static float bits4(MemorySegment codes, int at, int whole, float[] x, float[] scales) {
    FloatVector sum = FloatVector.zero(F);
    for (int b = 0; b < whole; b += 8 * WIDTH) {
      IntVector w = IntVector.fromMemorySegment(I, codes, at + (b >> 1), LITTLE_ENDIAN);
      FloatVector even = FloatVector.zero(F);
      FloatVector odd = FloatVector.zero(F);
      for (int k = 0; k < 8; k += 2) {
        even = term(w.and(15), x, b + k * WIDTH, even);
        odd = term(shifted(w, 4, 15), x, b + (k + 1) * WIDTH, odd);
        w = w.lanewise(VectorOperators.LSHR, 8);
      }
      sum = even.add(odd).fma(FloatVector.fromArray(F, scales, b >> 3), sum);
    }
    return Lanes.sum(sum);
  }

  /** As {@link #bits8} for sixteen codes a word. */
  static float bits2(MemorySegment codes, int at, int whole, float[] x, float[] scales) {
    FloatVector sum = FloatVector.zero(F);
    for (int b = 0; b < whole; b += 16 * WIDTH) {
      IntVector w = IntVector.fromMemorySegment(I, codes, at + (b >> 2), LITTLE_ENDIAN);
      FloatVector even = FloatVector.zero(F);
      FloatVector odd = FloatVector.zero(F);
      for (int k = 0; k < 16; k += 2) {
        even = term(w.and(3), x, b + k * WIDTH, even);
        odd = term(shifted(w, 2, 3), x, b + (k + 1) * WIDTH, odd);
        w = w.lanewise(VectorOperators.LSHR, 4);
      }
      sum = even.add(odd).fma(FloatVector.fromArray(F, scales, b >> 4), sum);
    }
    return Lanes.sum(sum);
  }

  private static IntVector shifted(IntVector words, int shift, int mask) {
    return words.lanewise(VectorOperators.LSHR, shift).and(mask);
  }

  private static FloatVector term(IntVector codes, float[] x, int at, FloatVector sum) {
    return ((FloatVector) codes.convertShape(VectorOperators.I2F, F, 0))
        .fma(FloatVector.fromArray(F, x, at), sum);
  }
}
