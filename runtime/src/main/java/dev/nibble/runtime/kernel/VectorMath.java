package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.F;
import static dev.nibble.runtime.kernel.Lanes.I;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Element-wise functions and row reductions on float arrays. */
public final class VectorMath {
  private static final float LOG2E = (float) (1 / Math.log(2));
  private static final float LN2_HIGH = 0x1.62e4p-1f;
  private static final float LN2_LOW = (float) (Math.log(2) - LN2_HIGH);
  private static final float GELU = (float) (-2 * Math.sqrt(2 / Math.PI));

  /** Adding and subtracting it rounds to the nearest integer. */
  private static final float ROUND = 12582912f;

  /** So far below the maximum that the exponential vanishes beside 1. */
  private static final float FAR = 100;

  private VectorMath() {}

  /**
   * {@code e^x} to about 2 units in the last place for {@code x} in [-87, 88], clamped outside:
   * {@code x = n ln 2 + r}, a degree-6 polynomial in r and n added to the exponent.
   */
  private static FloatVector exp(FloatVector x) {
    FloatVector clamped = x.max(-87f).min(88f);
    FloatVector n = clamped.mul(LOG2E).add(ROUND).sub(ROUND);
    FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), clamped);
    r = n.fma(FloatVector.broadcast(F, -LN2_LOW), r);
    FloatVector p = FloatVector.broadcast(F, 1f / 720);
    p = p.fma(r, FloatVector.broadcast(F, 1f / 120));
    p = p.fma(r, FloatVector.broadcast(F, 1f / 24));
    p = p.fma(r, FloatVector.broadcast(F, 1f / 6));
    p = p.fma(r, FloatVector.broadcast(F, 0.5f));
    p = p.fma(r, FloatVector.broadcast(F, 1f));
    p = p.fma(r, FloatVector.broadcast(F, 1f));
    IntVector power =
        ((IntVector) n.convertShape(VectorOperators.F2I, I, 0))
            .add(127)
            .lanewise(VectorOperators.LSHL, 23);
    return p.mul(power.reinterpretAsFloats());
  }

  /**
   * {@code a[i] = scale · a[i] + slope · (i + shift)} over {@code n} values.
   *
   * @param slope added per index (ALiBi), 0 for none
   * @return the largest
   */
  public static float scaled(float[] a, int offset, int n, float scale, float slope, int shift) {
    if (slope == 0) {
      scale(a, offset, n, scale);
    } else {
      for (int i = 0; i < n; i++) {
        a[offset + i] = scale * a[offset + i] + slope * (i + shift);
      }
    }
    return max(a, offset, n);
  }

  /** The largest of {@code n} values, 0 values having none: negative infinity. */
  public static float max(float[] a, int offset, int n) {
    FloatVector m = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (int end = F.loopBound(n); i < end; i += WIDTH) {
      m = m.max(FloatVector.fromArray(F, a, offset + i));
    }
    float max = m.reduceLanes(VectorOperators.MAX);
    for (; i < n; i++) {
      max = Math.max(max, a[offset + i]);
    }
    return max;
  }

  /** The smallest of {@code n} values, 0 values having none: infinity. */
  public static float min(float[] a, int offset, int n) {
    FloatVector m = FloatVector.broadcast(F, Float.POSITIVE_INFINITY);
    int i = 0;
    for (int end = F.loopBound(n); i < end; i += WIDTH) {
      m = m.min(FloatVector.fromArray(F, a, offset + i));
    }
    float min = m.reduceLanes(VectorOperators.MIN);
    for (; i < n; i++) {
      min = Math.min(min, a[offset + i]);
    }
    return min;
  }

  /**
   * Fills what lies behind {@code n} values up to whole vectors with what the exponential of {@link
   * #exponentials} makes vanish.
   *
   * @return values of whole vectors
   */
  public static int padForExponentials(float[] a, int offset, int n, float max) {
    int whole = (n + WIDTH - 1) / WIDTH * WIDTH;
    Arrays.fill(a, offset + n, offset + whole, max - FAR);
    return whole;
  }

  /**
   * {@code a = e^(a − max)} over {@code n} values, none above {@code max}. There must be room for
   * whole vectors; what lies behind the values up to the next one becomes 0.
   *
   * @return their sum
   */
  public static float exponentials(float[] a, int offset, int n, float max) {
    // one loop with one inlined polynomial: a second one for the tail exceeds what C2 inlines
    int whole = padForExponentials(a, offset, n, max);
    FloatVector sum = FloatVector.zero(F);
    for (int i = 0; i < whole; i += WIDTH) {
      FloatVector e = exp(FloatVector.fromArray(F, a, offset + i).sub(max));
      e.intoArray(a, offset + i);
      sum = sum.add(e);
    }
    Arrays.fill(a, offset + n, offset + whole, 0f);
    return Lanes.sum(sum);
  }

  /** {@code a *= factor}. */
  public static void scale(float[] a, int offset, int n, float factor) {
    for (int i = offset; i < offset + n; i++) {
      a[i] *= factor;
    }
  }

  /**
   * {@code a = c·tanh(scale·a/c)}, as {@code c - 2c / (e^(2·scale·a/c) + 1)}; off by at most some
   * 1e-7 of c.
   */
  public static void cap(float[] a, int offset, int n, float scale, float c) {
    float factor = 2 * scale / c;
    for (int i = 0; i < n; i += WIDTH) {
      if (i + WIDTH <= n) {
        FloatVector v = FloatVector.fromArray(F, a, offset + i);
        cap(v.mul(factor), c).intoArray(a, offset + i);
      } else {
        VectorMask<Float> tail = F.indexInRange(i, n);
        FloatVector v = FloatVector.fromArray(F, a, offset + i, tail);
        cap(v.mul(factor), c).intoArray(a, offset + i, tail);
      }
    }
  }

  private static FloatVector cap(FloatVector doubled, float c) {
    return FloatVector.broadcast(F, -2 * c).div(exp(doubled).add(1f)).add(c);
  }

  /** {@code a = a · sigmoid(a)}. */
  public static void silu(float[] a, int offset, int n) {
    for (int i = 0; i < n; i += WIDTH) {
      if (i + WIDTH <= n) {
        FloatVector v = FloatVector.fromArray(F, a, offset + i);
        v.div(exp(v.neg()).add(1f)).intoArray(a, offset + i);
      } else {
        VectorMask<Float> tail = F.indexInRange(i, n);
        FloatVector v = FloatVector.fromArray(F, a, offset + i, tail);
        v.div(exp(v.neg()).add(1f)).intoArray(a, offset + i, tail);
      }
    }
  }

  /** {@code a = a/2 · (1 + tanh(√(2/π)(a + 0.044715 a³)))}, as {@code a · sigmoid(2u)}. */
  public static void geluTanh(float[] a, int offset, int n) {
    for (int i = 0; i < n; i += WIDTH) {
      if (i + WIDTH <= n) {
        geluTanh(FloatVector.fromArray(F, a, offset + i)).intoArray(a, offset + i);
      } else {
        VectorMask<Float> tail = F.indexInRange(i, n);
        geluTanh(FloatVector.fromArray(F, a, offset + i, tail)).intoArray(a, offset + i, tail);
      }
    }
  }

  private static FloatVector geluTanh(FloatVector v) {
    FloatVector u = v.mul(v).mul(0.044715f).add(1f).mul(v).mul(GELU);
    return v.div(exp(u).add(1f));
  }

  /** {@code a = a · Φ(a)} with the exact normal distribution function. */
  public static void gelu(float[] a, int offset, int n) {
    for (int i = offset; i < offset + n; i++) {
      a[i] = (float) (0.5 * a[i] * (1 + ErrorFunction.erf(a[i] * 0.7071067811865476)));
    }
  }

  /** {@code a = max(a, 0)}. */
  public static void relu(float[] a, int offset, int n) {
    for (int i = offset; i < offset + n; i++) {
      a[i] = Math.max(a[i], 0f);
    }
  }

  /** {@code a = tanh(a)}. */
  public static void tanh(float[] a, int offset, int n) {
    for (int i = offset; i < offset + n; i++) {
      a[i] = (float) Math.tanh(a[i]);
    }
  }

  /**
   * Rotates pairs: {@code a[i], a[half + i] = a[i]·c − a[half + i]·s, a[half + i]·c + a[i]·s} with
   * {@code c = cos[at + i]}, {@code s = sin[at + i]}.
   */
  public static void rotate(float[] a, int offset, int half, float[] cos, float[] sin, int at) {
    int i = 0;
    for (int end = F.loopBound(half); i < end; i += WIDTH) {
      FloatVector x = FloatVector.fromArray(F, a, offset + i);
      FloatVector y = FloatVector.fromArray(F, a, offset + half + i);
      FloatVector c = FloatVector.fromArray(F, cos, at + i);
      FloatVector s = FloatVector.fromArray(F, sin, at + i);
      x.mul(c).sub(y.mul(s)).intoArray(a, offset + i);
      y.mul(c).add(x.mul(s)).intoArray(a, offset + half + i);
    }
    for (; i < half; i++) {
      float x = a[offset + i];
      float y = a[offset + half + i];
      a[offset + i] = x * cos[at + i] - y * sin[at + i];
      a[offset + half + i] = y * cos[at + i] + x * sin[at + i];
    }
  }

  /** {@code a *= b}. */
  public static void times(float[] a, int offset, float[] b, int bOffset, int n) {
    for (int i = 0; i < n; i++) {
      a[offset + i] *= b[bOffset + i];
    }
  }

  /** {@code a += b}. */
  public static void plus(float[] a, int offset, float[] b, int bOffset, int n) {
    for (int i = 0; i < n; i++) {
      a[offset + i] += b[bOffset + i];
    }
  }

  /** {@code Σ (a − mean)²} over {@code n} values, in four interleaved sums. */
  public static float squares(float[] a, int offset, int n, float mean) {
    float s0 = 0;
    float s1 = 0;
    float s2 = 0;
    float s3 = 0;
    int i = offset;
    for (int end = offset + n - 3; i < end; i += 4) {
      float v0 = a[i] - mean;
      float v1 = a[i + 1] - mean;
      float v2 = a[i + 2] - mean;
      float v3 = a[i + 3] - mean;
      s0 += v0 * v0;
      s1 += v1 * v1;
      s2 += v2 * v2;
      s3 += v3 * v3;
    }
    for (; i < offset + n; i++) {
      float v = a[i] - mean;
      s0 += v * v;
    }
    return (s0 + s1) + (s2 + s3);
  }

  /** {@code Σ a} over {@code n} values, in four interleaved sums. */
  public static float sum(float[] a, int offset, int n) {
    float s0 = 0;
    float s1 = 0;
    float s2 = 0;
    float s3 = 0;
    int i = offset;
    for (int end = offset + n - 3; i < end; i += 4) {
      s0 += a[i];
      s1 += a[i + 1];
      s2 += a[i + 2];
      s3 += a[i + 3];
    }
    for (; i < offset + n; i++) {
      s0 += a[i];
    }
    return (s0 + s1) + (s2 + s3);
  }
}
