package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.HALF;
import static dev.nibble.runtime.kernel.Lanes.I;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.nibble.core.tensor.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/** Dot products of one weight row with the input, four accumulators each. */
final class Dots {
  private Dots() {}

  /** Two float arrays. */
  static float floats(float[] w, int wo, float[] x, int n) {
    return floats(w, wo, x, 0, n);
  }

  /** Two parts of float arrays. */
  static float floats(float[] w, int wo, float[] x, int xo, int n) {
    FloatVector a = FloatVector.zero(F);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    int i = 0;
    for (int end = n - 4 * WIDTH; i <= end; i += 4 * WIDTH) {
      a = FloatVector.fromArray(F, w, wo + i).fma(FloatVector.fromArray(F, x, xo + i), a);
      b =
          FloatVector.fromArray(F, w, wo + i + WIDTH)
              .fma(FloatVector.fromArray(F, x, xo + i + WIDTH), b);
      c =
          FloatVector.fromArray(F, w, wo + i + 2 * WIDTH)
              .fma(FloatVector.fromArray(F, x, xo + i + 2 * WIDTH), c);
      d =
          FloatVector.fromArray(F, w, wo + i + 3 * WIDTH)
              .fma(FloatVector.fromArray(F, x, xo + i + 3 * WIDTH), d);
    }
    float tail = 0;
    for (; i < n; i++) {
      tail = Math.fma(w[wo + i], x[xo + i], tail);
    }
    return Lanes.sum(a.add(b).add(c.add(d))) + tail;
  }

  /** Float weights in a segment. */
  static float f32(MemorySegment w, int wo, float[] x, int n) {
    FloatVector a = FloatVector.zero(F);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    int i = 0;
    for (int end = n - 4 * WIDTH; i <= end; i += 4 * WIDTH) {
      int o = wo + 4 * i;
      a = f32(w, o).fma(FloatVector.fromArray(F, x, i), a);
      b = f32(w, o + 4 * WIDTH).fma(FloatVector.fromArray(F, x, i + WIDTH), b);
      c = f32(w, o + 8 * WIDTH).fma(FloatVector.fromArray(F, x, i + 2 * WIDTH), c);
      d = f32(w, o + 12 * WIDTH).fma(FloatVector.fromArray(F, x, i + 3 * WIDTH), d);
    }
    float tail = 0;
    for (; i < n; i++) {
      tail = Math.fma(DType.F32.get(w, wo / 4 + i), x[i], tail);
    }
    return Lanes.sum(a.add(b).add(c.add(d))) + tail;
  }

  private static FloatVector f32(MemorySegment w, int at) {
    return FloatVector.fromMemorySegment(F, w, at, LITTLE_ENDIAN);
  }

  /** Bfloat16 weights: widened to the upper half of an int lane. */
  static float bf16(MemorySegment w, int wo, float[] x, int n) {
    FloatVector a = FloatVector.zero(F);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    int i = 0;
    for (int end = n - 4 * WIDTH; i <= end; i += 4 * WIDTH) {
      int o = wo + 2 * i;
      a = bf16(w, o).fma(FloatVector.fromArray(F, x, i), a);
      b = bf16(w, o + 2 * WIDTH).fma(FloatVector.fromArray(F, x, i + WIDTH), b);
      c = bf16(w, o + 4 * WIDTH).fma(FloatVector.fromArray(F, x, i + 2 * WIDTH), c);
      d = bf16(w, o + 6 * WIDTH).fma(FloatVector.fromArray(F, x, i + 3 * WIDTH), d);
    }
    float tail = 0;
    for (; i < n; i++) {
      tail = Math.fma(DType.BF16.get(w, wo / 2 + i), x[i], tail);
    }
    return Lanes.sum(a.add(b).add(c.add(d))) + tail;
  }

  private static FloatVector bf16(MemorySegment w, int at) {
    return ((IntVector)
            ShortVector.fromMemorySegment(HALF, w, at, LITTLE_ENDIAN)
                .convertShape(VectorOperators.S2I, I, 0))
        .lanewise(VectorOperators.LSHL, 16)
        .reinterpretAsFloats();
  }
}
