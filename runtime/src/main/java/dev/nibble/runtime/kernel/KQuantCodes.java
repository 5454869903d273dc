package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Codes of ggml super-blocks of 256 elements, in element order; the layouts are those of {@code
 * core.ggml.KQuantDecoders}. Each method decodes {@code blocks} consecutive blocks from byte {@code
 * at}.
 */
final class KQuantCodes {
  private KQuantCodes() {}

  static void q2(MemorySegment s, int at, int blocks, float[] out) {
    for (int b = 0; b < blocks; b++) {
      for (int h = 0; h < 2; h++) {
        int from = at + 84 * b + 16 + 32 * h;
        int o = 256 * b + 128 * h;
        for (int i = 0; i < 32; i += WIDTH) {
          IntVector v = Bytes.unsigned(s, from + i);
          Bytes.store(v.and(3), out, o + i);
          Bytes.store(right(v, 2).and(3), out, o + 32 + i);
          Bytes.store(right(v, 4).and(3), out, o + 64 + i);
          Bytes.store(right(v, 6), out, o + 96 + i);
        }
      }
    }
  }

  /** Two bits and a third one apart, less 4. */
  static void q3(MemorySegment s, int at, int blocks, float[] out) {
    for (int b = 0; b < blocks; b++) {
      int from = at + 110 * b;
      for (int i = 0; i < 32; i += WIDTH) {
        IntVector third = Bytes.unsigned(s, from + i);
        for (int h = 0; h < 2; h++) {
          IntVector v = Bytes.unsigned(s, from + 32 + 32 * h + i);
          int o = 256 * b + 128 * h + i;
          Bytes.store(v.and(3).or(left(third, 2).and(4)).sub(4), out, o);
          Bytes.store(right(v, 2).and(3).or(left(third, 1).and(4)).sub(4), out, o + 32);
          Bytes.store(right(v, 4).and(3).or(third.and(4)).sub(4), out, o + 64);
          Bytes.store(right(v, 6).or(right(third, 1).and(4)).sub(4), out, o + 96);
          third = right(third, 4);
        }
      }
    }
  }

  static void q4(MemorySegment s, int at, int blocks, float[] out) {
    for (int b = 0; b < blocks; b++) {
      for (int j = 0; j < 4; j++) {
        int from = at + 144 * b + 16 + 32 * j;
        int o = 256 * b + 64 * j;
        for (int i = 0; i < 32; i += WIDTH) {
          IntVector v = Bytes.unsigned(s, from + i);
          Bytes.store(v.and(15), out, o + i);
          Bytes.store(right(v, 4), out, o + 32 + i);
        }
      }
    }
  }

  static void q5(MemorySegment s, int at, int blocks, float[] out) {
    for (int b = 0; b < blocks; b++) {
      int from = at + 176 * b;
      for (int i = 0; i < 32; i += WIDTH) {
        IntVector fifth = Bytes.unsigned(s, from + 16 + i);
        for (int j = 0; j < 4; j++) {
          IntVector v = Bytes.unsigned(s, from + 48 + 32 * j + i);
          int o = 256 * b + 64 * j + i;
          Bytes.store(v.and(15).or(left(fifth, 4).and(16)), out, o);
          Bytes.store(right(v, 4).or(left(fifth, 3).and(16)), out, o + 32);
          fifth = right(fifth, 2);
        }
      }
    }
  }

  /** Six bits, four and two apart, less 32. */
  static void q6(MemorySegment s, int at, int blocks, float[] out) {
    for (int b = 0; b < blocks; b++) {
      for (int h = 0; h < 2; h++) {
        int low = at + 210 * b + 64 * h;
        int high = at + 210 * b + 128 + 32 * h;
        int o = 256 * b + 128 * h;
        for (int i = 0; i < 32; i += WIDTH) {
          IntVector v = Bytes.unsigned(s, low + i);
          IntVector w = Bytes.unsigned(s, low + 32 + i);
          IntVector up = Bytes.unsigned(s, high + i);
          Bytes.store(v.and(15).or(left(up, 4).and(48)).sub(32), out, o + i);
          Bytes.store(w.and(15).or(left(up, 2).and(48)).sub(32), out, o + 32 + i);
          Bytes.store(right(v, 4).or(up.and(48)).sub(32), out, o + 64 + i);
          Bytes.store(right(w, 4).or(right(up, 2).and(48)).sub(32), out, o + 96 + i);
        }
      }
    }
  }

  private static IntVector right(IntVector v, int bits) {
    return v.lanewise(VectorOperators.LSHR, bits);
  }

  private static IntVector left(IntVector v, int bits) {
    return v.lanewise(VectorOperators.LSHL, bits);
  }
}
