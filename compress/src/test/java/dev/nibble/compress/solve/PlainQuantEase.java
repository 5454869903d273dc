package dev.nibble.compress.solve;

import dev.nibble.core.rounding.AffineGrid;

/**
 * QuantEase once more, by the book: {@code W Σ̄} once, {@code Ŵ Σ̄} at the start of each sweep, and
 * the changes so far for each column, in plain loops.
 */
final class PlainQuantEase {
  private PlainQuantEase() {}

  /** The values after so many sweeps from {@code w}, the last of them rounded. */
  static float[] solve(
      float[] w, double[] h, int n, WeightGrids grids, int sweeps, int relaxEvery) {
    float[] out = new float[w.length];
    for (int row = 0; row < w.length / n; row++) {
      double[] now = new double[n];
      for (int j = 0; j < n; j++) {
        now[j] = w[row * n + j];
      }
      double[] p = product(now, h, n, true);
      double bestError = Double.POSITIVE_INFINITY;
      for (int sweep = 0; sweep < sweeps; sweep++) {
        boolean round = sweep % relaxEvery != 1 || sweep > 25 || sweep == sweeps - 1;
        sweep(now, p, h, n, grids, row, round);
        double error = round ? error(now, w, row, h, n) : Double.POSITIVE_INFINITY;
        if (error < bestError) {
          bestError = error;
          for (int j = 0; j < n; j++) {
            out[row * n + j] = (float) now[j];
          }
        }
      }
    }
    return out;
  }

  private static void sweep(
      double[] now, double[] p, double[] h, int n, WeightGrids grids, int row, boolean round) {
    double[] hat = product(now, h, n, false);
    double[] delta = new double[n];
    for (int j = 0; j < n; j++) {
      double u = p[j] - hat[j];
      for (int k = 0; k < j; k++) {
        u += delta[k] * h[k * n + j] / h[j * n + j];
      }
      if (round) {
        AffineGrid grid = grids.of(row, j);
        u = grid.value(grid.code((float) u));
      }
      delta[j] = now[j] - u;
      now[j] = u;
    }
  }

  /** {@code x Σ̄}: column j of Σ divided by its diagonal element, which is left out or not. */
  private static double[] product(double[] x, double[] h, int n, boolean diagonal) {
    double[] out = new double[n];
    for (int j = 0; j < n; j++) {
      for (int k = 0; k < n; k++) {
        out[j] += k == j && !diagonal ? 0 : x[k] * h[k * n + j] / h[j * n + j];
      }
    }
    return out;
  }

  private static double error(double[] now, float[] w, int row, double[] h, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        sum += (now[i] - w[row * n + i]) * h[i * n + j] * (now[j] - w[row * n + j]);
      }
    }
    return sum;
  }
}
