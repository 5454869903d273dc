package dev.nibble.compress.solve;

import dev.nibble.core.work.Workers;
import java.util.Arrays;

/**
 * QuantEase's arithmetic (Behdin, Acharya, Gupta, Song, Zhu, Keerthi, Mazumder: "QuantEase:
 * Optimization-based Quantization for Language Models", 2023, algorithm 2; sheet 48): cyclic
 * coordinate descent on {@code f(Ŵ) = tr((Ŵ - W) H (Ŵ - W)ᵀ)} over values of fixed grids. f is a
 * parabola in each weight, so with {@code G = (Ŵ - W) H}
 *
 * <pre>
 *   ŵ_j  ←  grid(ŵ_j - G_j / H_jj)
 * </pre>
 *
 * is the best this weight can be while the others stay, and f never rises. Some sweeps leave out
 * the grid, which lets weights pass over ridges that no single one could; of each row the best
 * rounded state is kept.
 *
 * <p>Deviations: the gradient is carried along instead of {@code W Σ̄} and {@code Ŵ Σ̄} (the same
 * sums, and blocks in which nothing changes cost nothing); the best state is chosen row by row, as
 * rows are problems of their own; a sweep after which nothing can change any more is the last.
 *
 * <p>Time {@code iterations · rows · n²} multiply-adds in fp64 at most, nearly all of it in
 * libtorch's matrix products. Bands of rows are solved in parallel: the same bits for any number of
 * threads. Memory beyond the result 32n bytes for each row at work.
 */
final class QuantEase {
  private static final int BAND_ROWS = 64;

  private QuantEase() {}

  /**
   * Solves a matrix.
   *
   * @param w {@code [rows, n]} by column, finite, not modified
   * @param start values to start from, likewise; {@code w} itself for the weights
   * @param onGrid the start consists of values of {@code grids}
   * @return values of the grids; not worse than an {@code onGrid} start in any row
   */
  static float[] solve(
      DescentMatrix h,
      WeightGrids grids,
      float[] w,
      float[] start,
      boolean onGrid,
      QuantEaseOptions options,
      Workers workers) {
    int n = h.size();
    int rows = w.length / n;
    float[] out = new float[w.length];
    workers.forEach(
        Math.ceilDiv(rows, BAND_ROWS),
        i -> {
          int from = i * BAND_ROWS;
          int count = Math.min(BAND_ROWS, rows - from);
          try (DescentBand band = new DescentBand(h, grids, w, start, onGrid, from, count)) {
            descend(band, h.order(), options, out);
          }
        });
    return out;
  }

  private static void descend(
      DescentBand band, int[] order, QuantEaseOptions options, float[] out) {
    double[] least = new double[band.rows()];
    Arrays.fill(least, Double.POSITIVE_INFINITY);
    if (band.onGrid()) {
      keepBest(band, order, least, out);
    }
    for (int sweep = 0; sweep < options.iterations(); sweep++) {
      boolean round = !options.relaxed(sweep);
      boolean settled = band.onGrid() && round && !options.relaxesAfter(sweep);
      boolean changed = band.sweep(round);
      if (round) {
        keepBest(band, order, least, out);
      }
      if (settled && !changed) {
        return;
      }
    }
  }

  private static void keepBest(DescentBand band, int[] order, double[] least, float[] out) {
    for (int r = 0; r < band.rows(); r++) {
      double error = band.error(r);
      if (error < least[r]) {
        least[r] = error;
        double[] values = band.values(r);
        int base = (band.firstRow() + r) * order.length;
        for (int p = 0; p < order.length; p++) {
          out[base + order[p]] = (float) values[p];
        }
      }
    }
  }
}
