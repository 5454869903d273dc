package dev.nibble.compress.solve;

import dev.nibble.core.work.Workers;
import java.util.ArrayList;
import java.util.List;

/**
 * The outlier-aware variant of {@link QuantEase} (algorithm 3): {@code min tr((Ŵ + Ĥ - W) H (Ŵ + Ĥ
 * - W)ᵀ)} over grid values Ŵ and a sparse Ĥ. A sweep of coordinate descent on Ŵ towards {@code W -
 * Ĥ} and a step of iterative hard thresholding on Ĥ take turns:
 *
 * <pre>
 *   Ĥ  ←  T(Ĥ - α / λ · (Ŵ + Ĥ - W) H),    λ the largest eigenvalue of H
 * </pre>
 *
 * where T keeps what an {@link OutlierChoice} allows; with α = 1 that is the step 1/L of the paper.
 * Neither raises the error; of the rounded states the best is kept.
 *
 * <p>Time as QuantEase and once more {@code iterations · rows · n²}. Memory beyond the result 40
 * bytes a weight: the choice is one for the whole matrix, so all rows are at work.
 */
final class OutlierDescent implements AutoCloseable {
  private static final int BAND_ROWS = 64;
  private static final int POWER_ITERATIONS = 20;

  private final DescentMatrix h;
  private final OutlierChoice choice;
  private final float[] w;
  private final float[] kept;
  private final QuantEaseOptions options;
  private final Workers workers;
  private final List<DescentBand> bands = new ArrayList<>();
  private double least = Double.POSITIVE_INFINITY;
  private Solution best;

  /**
   * A solved matrix, both {@code [rows, n]} by column.
   *
   * @param values Ŵ, of the grids
   * @param kept Ĥ
   * @param marked which weights are kept
   * @param error what was minimized
   */
  record Solution(float[] values, float[] kept, boolean[] marked, double error) {
    /** Ŵ + Ĥ. */
    float[] sum() {
      float[] out = new float[values.length];
      for (int i = 0; i < out.length; i++) {
        out[i] = values[i] + kept[i];
      }
      return out;
    }
  }

  private OutlierDescent(
      DescentMatrix h,
      OutlierChoice choice,
      float[] w,
      float[] kept,
      QuantEaseOptions options,
      Workers workers) {
    this.h = h;
    this.choice = choice;
    this.w = w;
    this.kept = kept.clone();
    this.options = options;
    this.workers = workers;
  }

  /**
   * Solves a matrix.
   *
   * @param grids of the weights that are not kept
   * @param w {@code [rows, n]} by column, finite, not modified
   * @param marked which weights are kept at first
   */
  static Solution solve(
      DescentMatrix h,
      WeightGrids grids,
      OutlierChoice choice,
      float[] w,
      boolean[] marked,
      QuantEaseOptions options,
      Workers workers) {
    float[] kept = new float[w.length];
    float[] rest = w.clone();
    for (int i = 0; i < w.length; i++) {
      if (marked[i]) {
        kept[i] = w[i];
        rest[i] = 0;
      }
    }
    boolean rounded = options.start() == QuantEaseOptions.Start.RTN;
    float[] start = rounded ? grids.pack(rest).toFloats() : rest;
    try (OutlierDescent descent = new OutlierDescent(h, choice, w, kept, options, workers)) {
      int rows = choice.rows();
      for (int from = 0; from < rows; from += BAND_ROWS) {
        descent.bands.add(
            new DescentBand(
                h, grids, rest, start, rounded, from, Math.min(BAND_ROWS, rows - from)));
      }
      return descent.descend(marked);
    }
  }

  private Solution descend(boolean[] first) {
    double step = options.stepScale() / h.largestEigenvalue(POWER_ITERATIONS);
    boolean[] marked = first;
    if (options.start() == QuantEaseOptions.Start.RTN) {
      keepBest(marked);
    }
    for (int sweep = 0; sweep < options.iterations(); sweep++) {
      boolean round = !options.relaxed(sweep);
      workers.forEach(bands.size(), b -> bands.get(b).sweep(round));
      if (Double.isFinite(step)) {
        marked = threshold(step);
      }
      if (round) {
        keepBest(marked);
      }
    }
    return best;
  }

  /** One step on Ĥ; returns what it keeps. */
  private boolean[] threshold(double step) {
    float[] moved = new float[w.length];
    workers.forEach(bands.size(), b -> move(bands.get(b), step, moved));
    boolean[] marked = choice.largest(moved);
    for (int i = 0; i < moved.length; i++) {
      kept[i] = marked[i] ? moved[i] : 0;
    }
    workers.forEach(bands.size(), b -> retarget(bands.get(b)));
    return marked;
  }

  private void move(DescentBand band, double step, float[] moved) {
    double[] gradient = new double[h.size()];
    for (int r = 0; r < band.rows(); r++) {
      band.gradient(r, gradient);
      int base = (band.firstRow() + r) * h.size();
      for (int p = 0; p < gradient.length; p++) {
        int at = base + h.order()[p];
        moved[at] = (float) (kept[at] - step * gradient[p]);
      }
    }
  }

  private void retarget(DescentBand band) {
    for (int r = 0; r < band.rows(); r++) {
      double[] target = band.target(r);
      int base = (band.firstRow() + r) * h.size();
      for (int p = 0; p < target.length; p++) {
        int at = base + h.order()[p];
        target[p] = (double) w[at] - kept[at];
      }
    }
    band.refresh();
  }

  private void keepBest(boolean[] marked) {
    double error = 0;
    for (DescentBand band : bands) {
      for (int r = 0; r < band.rows(); r++) {
        error += band.error(r);
      }
    }
    if (!(error < least)) {
      return;
    }
    least = error;
    float[] values = new float[w.length];
    for (DescentBand band : bands) {
      for (int r = 0; r < band.rows(); r++) {
        double[] row = band.values(r);
        int base = (band.firstRow() + r) * h.size();
        for (int p = 0; p < row.length; p++) {
          values[base + h.order()[p]] = (float) row[p];
        }
      }
    }
    best = new Solution(values, kept.clone(), marked, error);
  }

  @Override
  public void close() {
    bands.forEach(DescentBand::close);
  }
}
