package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import jdk.incubator.vector.FloatVector;

/** Unpacked codes with a factor, and perhaps a summand, for every unit of 16 or 32 elements. */
final class Stepped {
  private Stepped() {}

  /** {@code Σ_g steps[g] Σ_i codes[g·unit + i] · x[xo + g·unit + i]}. */
  static float dot(float[] codes, float[] x, int xo, float[] steps, int unit, int units) {
    return unit == 16 ? by16(codes, x, xo, steps, units) : by32(codes, x, xo, steps, units);
  }

  private static float by32(float[] codes, float[] x, int xo, float[] steps, int units) {
    FloatVector a = FloatVector.zero(F);
    FloatVector b = a;
    int g = 0;
    for (; g + 1 < units; g += 2) {
      a = part(codes, 32 * g, x, xo + 32 * g, 32).fma(FloatVector.broadcast(F, steps[g]), a);
      b =
          part(codes, 32 * g + 32, x, xo + 32 * g + 32, 32)
              .fma(FloatVector.broadcast(F, steps[g + 1]), b);
    }
    if (g < units) {
      a = part(codes, 32 * g, x, xo + 32 * g, 32).fma(FloatVector.broadcast(F, steps[g]), a);
    }
    return Lanes.sum(a.add(b));
  }

  private static float by16(float[] codes, float[] x, int xo, float[] steps, int units) {
    FloatVector a = FloatVector.zero(F);
    FloatVector b = a;
    int g = 0;
    for (; g + 1 < units; g += 2) {
      a = part(codes, 16 * g, x, xo + 16 * g, 16).fma(FloatVector.broadcast(F, steps[g]), a);
      b =
          part(codes, 16 * g + 16, x, xo + 16 * g + 16, 16)
              .fma(FloatVector.broadcast(F, steps[g + 1]), b);
    }
    if (g < units) {
      a = part(codes, 16 * g, x, xo + 16 * g, 16).fma(FloatVector.broadcast(F, steps[g]), a);
    }
    return Lanes.sum(a.add(b));
  }

  private static FloatVector part(float[] codes, int c, float[] x, int xo, int unit) {
    FloatVector p = FloatVector.fromArray(F, codes, c).mul(FloatVector.fromArray(F, x, xo));
    for (int k = WIDTH; k < unit; k += WIDTH) {
      p = FloatVector.fromArray(F, codes, c + k).fma(FloatVector.fromArray(F, x, xo + k), p);
    }
    return p;
  }

  /** {@code out = steps[g] · codes}, rounded as the scalar reference does. */
  static void values(float[] codes, float[] steps, int unit, int units, float[] out, int o) {
    for (int g = 0; g < units; g++) {
      FloatVector step = FloatVector.broadcast(F, steps[g]);
      int end = (g + 1) * unit;
      for (int i = g * unit; i < end; i += WIDTH) {
        FloatVector.fromArray(F, codes, i).mul(step).intoArray(out, o + i);
      }
    }
  }

  /** {@code out = steps[g] · codes + lows[g]}, rounded twice as the scalar reference does. */
  static void values(
      float[] codes, float[] steps, float[] lows, int unit, int units, float[] out, int o) {
    for (int g = 0; g < units; g++) {
      FloatVector step = FloatVector.broadcast(F, steps[g]);
      FloatVector low = FloatVector.broadcast(F, lows[g]);
      int end = (g + 1) * unit;
      for (int i = g * unit; i < end; i += WIDTH) {
        FloatVector.fromArray(F, codes, i).mul(step).add(low).intoArray(out, o + i);
      }
    }
  }

  /**
   * {@code Σ_g scale · zero · sums[g]}: what zero-points take off a product. Overwrites the zeros
   * of the scratch.
   */
  static float zeros(Scratch s, float[] sums, int groups) {
    for (int g = 0; g < groups; g++) {
      s.groupZeros[g] *= s.groupScales[g];
    }
    return Dots.floats(s.groupZeros, 0, sums, groups);
  }

  /**
   * {@code out = scale · (code − zero)} for the {@code count} unpacked columns from {@code c} on,
   * with the group scales and zeros of the scratch.
   */
  static void groups(Scratch s, int c, int count, int group, float[] out, int o) {
    for (int i = 0; i < count; ) {
      int g = (c + i) / group;
      int stop = Math.min(count, (g + 1) * group - c);
      float scale = s.groupScales[g];
      float zero = s.groupZeros[g];
      int end = i + (stop - i) / WIDTH * WIDTH;
      for (; i < end; i += WIDTH) {
        FloatVector.fromArray(F, s.codes, i).sub(zero).mul(scale).intoArray(out, o + i);
      }
      for (; i < stop; i++) {
        out[o + i] = scale * (s.codes[i] - zero);
      }
    }
  }
}
