package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.I;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** A table of up to 16 floats that fills one, two or four vectors. */
final class Levels {
  static final int SIZE = 16;

  /** Float bits: integer lanes select from integer lanes in one instruction. */
  private final int[] bits;

  private final float[] values;

  Levels(float[] levels) {
    values = Arrays.copyOf(levels, SIZE);
    bits = new int[SIZE];
    for (int i = 0; i < SIZE; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
  }

  float of(int code) {
    return values[code];
  }

  /** Entries {@code [n·WIDTH, (n + 1)·WIDTH)}; the first ones again beyond the table. */
  IntVector part(int n) {
    return IntVector.fromArray(I, bits, n * WIDTH % SIZE);
  }

  /** Looks up codes 0 to 15 in the four parts of a table. */
  static FloatVector of(IntVector codes, IntVector a, IntVector b, IntVector c, IntVector d) {
    IntVector found = codes.selectFrom(a);
    if (WIDTH < 16) {
      found = found.blend(codes.selectFrom(b), codes.compare(VectorOperators.GE, WIDTH));
    }
    if (WIDTH < 8) {
      found = found.blend(codes.selectFrom(c), codes.compare(VectorOperators.GE, 2 * WIDTH));
      found = found.blend(codes.selectFrom(d), codes.compare(VectorOperators.GE, 3 * WIDTH));
    }
    return found.reinterpretAsFloats();
  }
}
