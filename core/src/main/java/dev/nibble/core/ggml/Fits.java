package dev.nibble.core.ggml;

import java.util.Arrays;

/**
 * Searches for the scale (and minimum) of a few weights that leave the least weighted squared
 * error. All arithmetic is float32 in index order; the order of operations is part of the file
 * format's reproducibility and must not be rearranged.
 *
 * <p>Symbols: x values, w error weights, l integer codes, s scale, m minimum.
 */
final class Fits {
  private static final float NEGLIGIBLE = 1e-15f;
  private static final int SWEEPS = 5;

  private Fits() {}

  /** Scale and (non-negative) amount subtracted: {@code x = scale * l - min}. */
  record Affine(float scale, float min) {}

  /** Nearest integer, ties to even. */
  static int nearest(float x) {
    return (int) Math.rint(x);
  }

  /** Nearest integer, ties away from zero. */
  static int nearestAway(float x) {
    return (int) (x < 0 ? x - 0.5 : x + 0.5);
  }

  /** Element of largest magnitude with its sign, the first one on ties. */
  static float extreme(float[] x, int o, int n) {
    float largest = 0;
    float signed = 0;
    for (int i = o; i < o + n; i++) {
      float magnitude = Math.abs(x[i]);
      if (largest < magnitude) {
        largest = magnitude;
        signed = x[i];
      }
    }
    return signed;
  }

  /**
   * Signed codes {@code -limit .. limit - 1}: of 19 inverse scales near {@code -limit / extreme}
   * the one with the largest {@code (sum w x l)^2 / sum w l^2}.
   *
   * @param w weights at {@code w[wo ..]}, or null for x squared
   * @param codes receives {@code l + limit}; zeros when all values are negligible
   * @return the least-squares scale
   */
  static float symmetric(
      float[] x, int o, int n, int limit, float[] w, int wo, int[] codes, int co) {
    float extreme = extreme(x, o, n);
    if (Math.abs(extreme) < NEGLIGIBLE) {
      Arrays.fill(codes, co, co + n, 0);
      return 0;
    }
    float scale = 0;
    float best = 0;
    float chosen = 0;
    for (int step = 0; step < 19; step++) {
      int trial = step == 0 ? 0 : step <= 9 ? step - 10 : step - 9;
      float inverse = -(limit + 0.1f * trial) / extreme;
      float sumXl = 0;
      float sumL2 = 0;
      for (int i = 0; i < n; i++) {
        float v = x[o + i];
        int l = Math.clamp(nearest(inverse * v), -limit, limit - 1);
        float weight = w == null ? v * v : w[wo + i];
        sumXl += weight * v * l;
        sumL2 += weight * l * l;
      }
      boolean first = step == 0;
      if (first || (sumL2 > 0 && sumXl * sumXl > best * sumL2)) {
        scale = sumL2 != 0 ? sumXl / sumL2 : 0;
        best = scale * sumXl;
        chosen = inverse;
      }
    }
    for (int i = 0; i < n; i++) {
      codes[co + i] = Math.clamp(nearest(chosen * x[o + i]), -limit, limit - 1) + limit;
    }
    return scale;
  }

  /**
   * Signed codes {@code -limit .. limit - 1} by coordinate ascent from {@code -limit / extreme},
   * weights x squared.
   *
   * @param codes receives {@code l + limit}
   */
  static float ascent(float[] x, int o, int n, int limit, int[] codes, int co) {
    float extreme = extreme(x, o, n);
    if (Math.abs(extreme) < NEGLIGIBLE) {
      Arrays.fill(codes, co, co + n, 0);
      return 0;
    }
    float inverse = -limit / extreme;
    float[] w = new float[n];
    for (int i = 0; i < n; i++) {
      float v = x[o + i];
      codes[co + i] = Math.clamp(nearest(inverse * v), -limit, limit - 1);
      w[i] = v * v;
    }
    float scale = sweep(x, o, n, w, -limit, limit - 1, codes, co);
    for (int i = co; i < co + n; i++) {
      codes[i] += limit;
    }
    return scale;
  }

  /** Improves codes one at a time, in up to five sweeps; returns the least-squares scale. */
  private static float sweep(
      float[] x, int o, int n, float[] w, int low, int high, int[] codes, int co) {
    float sumXl = 0;
    float sumL2 = 0;
    for (int i = 0; i < n; i++) {
      int l = codes[co + i];
      sumXl += w[i] * x[o + i] * l;
      sumL2 += w[i] * l * l;
    }
    boolean changed = true;
    for (int sweep = 0; sweep < SWEEPS && changed; sweep++) {
      changed = false;
      for (int i = 0; i < n; i++) {
        float v = x[o + i];
        int old = codes[co + i];
        float restXl = sumXl - w[i] * v * old;
        float restL2 = sumL2 - w[i] * old * old;
        if (!(restXl > 0) || (low == 0 && !(restL2 > 0))) {
          continue;
        }
        int l = Math.clamp(nearest(v * restL2 / restXl), low, high);
        if (l == old) {
          continue;
        }
        restXl += w[i] * v * l;
        restL2 += w[i] * l * l;
        if (restL2 > 0 && restXl * restXl * sumL2 > sumXl * sumXl * restL2) {
          codes[co + i] = l;
          sumXl = restXl;
          sumL2 = restL2;
          changed = true;
        }
      }
    }
    return sumL2 > 0 ? sumXl / sumL2 : 0;
  }

  /**
   * Unsigned codes {@code 0 .. limit} for non-negative values: a search of nine scales followed by
   * ascent.
   */
  static float positive(float[] x, int n, int limit, float[] w, int[] codes) {
    float max = 0;
    for (int i = 0; i < n; i++) {
      max = Math.max(max, x[i]);
    }
    if (max < NEGLIGIBLE) {
      Arrays.fill(codes, 0, n, 0);
      return 0;
    }
    float chosen = limit / max;
    float best = positiveError(x, n, Integer.MAX_VALUE, w, chosen);
    for (int trial = -4; trial <= 4; trial++) {
      float inverse = (0.1f * trial + limit) / max;
      float error = trial == 0 ? best : positiveError(x, n, limit, w, inverse);
      if (error < best) {
        best = error;
        chosen = inverse;
      }
    }
    for (int i = 0; i < n; i++) {
      codes[i] = Math.min(limit, nearest(chosen * x[i]));
    }
    return sweep(x, 0, n, w, 0, limit, codes, 0);
  }

  private static float positiveError(float[] x, int n, int limit, float[] w, float inverse) {
    float scale = 1 / inverse;
    float error = 0;
    for (int i = 0; i < n; i++) {
      int l = Math.min(limit, nearest(inverse * x[i]));
      float difference = x[i] - scale * l;
      error += w[i] * difference * difference;
    }
    return error;
  }

  /**
   * Trial inverse scales {@code (first + step * i + limit) / range} for {@code i = 0 .. steps}.
   *
   * @param absolute error measured by its magnitude instead of its square
   */
  record AffineSearch(float first, float step, int steps, boolean absolute) {
    /** The search used with importances. */
    static final AffineSearch WEIGHTED = new AffineSearch(-0.9f, 0.05f, 36, false);
  }

  /** Unsigned codes {@code 0 .. limit} with a minimum of at most zero. */
  static Affine affine(
      float[] x, int o, int n, int limit, float[] w, AffineSearch search, int[] codes, int co) {
    float min = x[o];
    float max = x[o];
    float sumW = w[0];
    float sumX = sumW * x[o];
    for (int i = 1; i < n; i++) {
      min = Math.min(min, x[o + i]);
      max = Math.max(max, x[o + i]);
      sumW += w[i];
      sumX += w[i] * x[o + i];
    }
    min = Math.min(min, 0);
    if (max <= min) {
      Arrays.fill(codes, co, co + n, 0);
      return new Affine(0, -min);
    }
    int[] trial = new int[n];
    float inverse = limit / (max - min);
    float scale = 1 / inverse;
    round(x, o, n, inverse, min, limit, trial);
    System.arraycopy(trial, 0, codes, co, n);
    float best = affineError(x, o, n, w, trial, scale, min, search.absolute());
    for (int i = 0; i <= search.steps(); i++) {
      inverse = (search.first() + search.step() * i + limit) / (max - min);
      round(x, o, n, inverse, min, limit, trial);
      Affine line = line(x, o, n, w, trial, sumW, sumX);
      if (line == null) {
        continue;
      }
      float error = affineError(x, o, n, w, trial, line.scale(), line.min(), search.absolute());
      if (error < best) {
        System.arraycopy(trial, 0, codes, co, n);
        best = error;
        scale = line.scale();
        min = line.min();
      }
    }
    return new Affine(scale, -min);
  }

  private static void round(
      float[] x, int o, int n, float inverse, float min, int limit, int[] codes) {
    for (int i = 0; i < n; i++) {
      codes[i] = Math.clamp(nearest(inverse * (x[o + i] - min)), 0, limit);
    }
  }

  /** Weighted least-squares line with an intercept of at most zero; null when undetermined. */
  private static Affine line(
      float[] x, int o, int n, float[] w, int[] codes, float sumW, float sumX) {
    float sumL = 0;
    float sumL2 = 0;
    float sumXl = 0;
    for (int i = 0; i < n; i++) {
      int l = codes[i];
      sumL += w[i] * l;
      sumL2 += w[i] * l * l;
      sumXl += w[i] * l * x[o + i];
    }
    float determinant = sumW * sumL2 - sumL * sumL;
    if (!(determinant > 0)) {
      return null;
    }
    float scale = (sumW * sumXl - sumX * sumL) / determinant;
    float min = (sumL2 * sumX - sumL * sumXl) / determinant;
    return min > 0 ? new Affine(sumXl / sumL2, 0) : new Affine(scale, min);
  }

  private static float affineError(
      float[] x, int o, int n, float[] w, int[] codes, float scale, float min, boolean absolute) {
    float error = 0;
    for (int i = 0; i < n; i++) {
      float difference = scale * codes[i] + min - x[o + i];
      error += w[i] * (absolute ? Math.abs(difference) : difference * difference);
    }
    return error;
  }
}
