package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Steps and summands of the sub-blocks of ggml super-blocks: {@code value = step · code + low}. The
 * layouts are those of {@code core.ggml.KQuantDecoders}.
 */
final class KQuantScales {
  private static final int NIBBLES = 0x0f0f0f0f;
  private static final int CRUMBS = 0x03030303;
  private static final int SIX = 0x3f3f3f3f;

  private KQuantScales() {}

  /** Sixteen nibble pairs a block. */
  static void q2(MemorySegment s, int at, int blocks, float[] steps, float[] lows) {
    for (int b = 0; b < blocks; b++) {
      int from = at + 84 * b;
      float d = Bytes.half(s, from + 80);
      float dmin = -Bytes.half(s, from + 82);
      for (int i = 0; i < 16; i += WIDTH) {
        IntVector v = Bytes.unsigned(s, from + i);
        Bytes.floats(v.and(15)).mul(d).intoArray(steps, 16 * b + i);
        Bytes.floats(v.lanewise(VectorOperators.LSHR, 4)).mul(dmin).intoArray(lows, 16 * b + i);
      }
    }
  }

  /** Sixteen six-bit scales a block: nibbles in two words, the upper crumbs in a third. */
  static void q3(MemorySegment s, int at, int blocks, float[] steps) {
    for (int b = 0; b < blocks; b++) {
      int from = at + 110 * b + 96;
      float d = Bytes.half(s, from + 12);
      int first = s.get(Bytes.LE32, from);
      int second = s.get(Bytes.LE32, from + 4);
      int up = s.get(Bytes.LE32, from + 8);
      int o = 16 * b;
      Bytes.scaleWord(joined(first, up), 32, d, steps, o);
      Bytes.scaleWord(joined(second, up >>> 2), 32, d, steps, o + 4);
      Bytes.scaleWord(joined(first >>> 4, up >>> 4), 32, d, steps, o + 8);
      Bytes.scaleWord(joined(second >>> 4, up >>> 6), 32, d, steps, o + 12);
    }
  }

  /** Eight six-bit scales and eight six-bit mins in twelve bytes, for Q4_K and Q5_K. */
  static void q4(MemorySegment s, int at, int stride, int blocks, float[] steps, float[] lows) {
    for (int b = 0; b < blocks; b++) {
      int from = at + stride * b;
      float d = Bytes.half(s, from);
      float dmin = -Bytes.half(s, from + 2);
      int scales = s.get(Bytes.LE32, from + 4);
      int mins = s.get(Bytes.LE32, from + 8);
      int rest = s.get(Bytes.LE32, from + 12);
      int o = 8 * b;
      Bytes.scaleWord(scales & SIX, 0, d, steps, o);
      Bytes.scaleWord(joined(rest, scales >>> 6), 0, d, steps, o + 4);
      Bytes.scaleWord(mins & SIX, 0, dmin, lows, o);
      Bytes.scaleWord(joined(rest >>> 4, mins >>> 6), 0, dmin, lows, o + 4);
    }
  }

  /** Sixteen signed bytes a block. */
  static void q6(MemorySegment s, int at, int blocks, float[] steps) {
    for (int b = 0; b < blocks; b++) {
      int from = at + 210 * b;
      float d = Bytes.half(s, from + 208);
      for (int i = 0; i < 16; i += WIDTH) {
        Bytes.floats(Bytes.signed(s, from + 192 + i)).mul(d).intoArray(steps, 16 * b + i);
      }
    }
  }

  /** Four bytes of a nibble from {@code low} and two bits above it from {@code up}. */
  private static int joined(int low, int up) {
    return (low & NIBBLES) | ((up & CRUMBS) << 4);
  }
}
