package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.HALF;
import static dev.nibble.runtime.kernel.Lanes.I;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Floats cut to their upper 16 bits (bfloat16): all of the range, 8 bits of precision, widened by a
 * shift. Rounded away from the numbers that a grid must reach, so that none falls outside it.
 */
public final class UpperHalf {
  private UpperHalf() {}

  /** The smallest that is at least {@code v}, for {@code v ≥ 0}. */
  public static short above(float v) {
    return (short) ((Float.floatToIntBits(v) + 0xffff) >>> 16);
  }

  /** The largest that is at most {@code v}. */
  public static short below(float v) {
    int bits = Float.floatToIntBits(v);
    return (short) ((bits < 0 ? bits + 0xffff : bits) >>> 16);
  }

  /** Widens one. */
  public static float value(short upper) {
    return Float.intBitsToFloat(upper << 16);
  }

  /** Widens {@code WIDTH}. */
  static FloatVector load(short[] from, int at) {
    IntVector wide =
        (IntVector) ShortVector.fromArray(HALF, from, at).convertShape(VectorOperators.S2I, I, 0);
    return wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }
}
