package dev.nibble.compress.solve;

import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * SpQR's arithmetic (Dettmers, Svirschevski, Egiazarian, Kuznedelev, Frantar, Ashkboos, Borzunov,
 * Hoefler, Alistarh: "SpQR: A Sparse-Quantized Representation for Near-Lossless LLM Weight
 * Compression", 2023, algorithm 1; sheet 36): GPTQ's loop, in which a weight whose rounding costs
 * too much, {@code ((w − ŵ) / U_pp)² > τ · unit}, keeps its value in half precision, and the scales
 * and zero-points of small groups are quantized themselves, a block of rows at a time.
 *
 * <p>What is stored is what was computed with: kept values are rounded before their error is pushed
 * on. Deviations: the range of every group holds 0, and a group of zeros is exact.
 *
 * <p>Time as GPTQ, and about four roundings a weight for the leave-one-out test; a search for τ
 * solves up to 16 blocks of rows a dozen times. Blocks are solved in parallel: the same bits for
 * any number of threads.
 */
final class Spqr {
  private static final int SAMPLED_BLOCKS = 16;
  private static final int SEARCH_STEPS = 14;
  private static final double SMALLEST_THRESHOLD = 1e-4;
  private static final double LARGEST_THRESHOLD = 1e4;

  private final float[] w;
  private final int rows;
  private final Curvature curvature;
  private final QuantSpec spec;
  private final SpqrOptions options;
  private final Workers workers;

  private Spqr(
      float[] w, Curvature curvature, QuantSpec spec, SpqrOptions options, Workers workers) {
    this.w = w;
    this.rows = w.length / curvature.size();
    this.curvature = curvature;
    this.spec = spec;
    this.options = options;
    this.workers = workers;
  }

  /**
   * A solved matrix.
   *
   * @param packed what is stored
   * @param loss {@code Σ e²}; not finite when the arithmetic broke down and the rest is worthless
   * @param share fraction of the weights that are kept
   * @param threshold τ that was used
   */
  record Solution(PackedTensor packed, double loss, double share, double threshold) {}

  private record Sums(double loss, long outliers, long weights) {}

  /**
   * Solves a matrix.
   *
   * @param w {@code [rows, curvature.size()]}, finite, not modified
   * @param spec an integer spec per channel or group
   */
  static Solution solve(
      float[] w, Curvature curvature, QuantSpec spec, SpqrOptions options, Workers workers) {
    return new Spqr(w, curvature, spec, options, workers).solve();
  }

  /**
   * What a threshold of 1 stands for: the mean over the columns of the weights' variance over
   * {@code U_pp²}, which is what removing a typical weight costs.
   */
  static double unit(float[] w, Curvature curvature) {
    int n = curvature.size();
    int rows = w.length / n;
    double sum = 0;
    for (int p = 0; p < n; p++) {
      int column = curvature.order()[p];
      if (curvature.dead()[column]) {
        continue;
      }
      double mean = 0;
      double square = 0;
      for (int r = 0; r < rows; r++) {
        double value = w[r * n + column];
        mean += value / rows;
        square += value * value / rows;
      }
      double u = curvature.factor().row(p)[0];
      sum += Math.max(0, square - mean * mean) / (u * u);
    }
    return sum / n;
  }

  private Solution solve() {
    double unit = unit(w, curvature);
    double threshold = options.share().isPresent() ? search(unit) : options.threshold();
    SpqrGrids grids = grids();
    int blocks = Math.ceilDiv(rows, grids.blockRows());
    boolean[] kept = new boolean[w.length];
    float[] values = new float[w.length];
    Sums sums = run(IntStream.range(0, blocks).toArray(), grids, threshold * unit, kept, values);
    PackedTensor base = inOrder(grids.build());
    return new Solution(
        options.withoutOutliers() ? base : OutlierTensor.of(base, kept, values),
        sums.loss,
        (double) sums.outliers / Math.max(1, sums.weights),
        threshold);
  }

  private SpqrGrids grids() {
    int n = curvature.size();
    return options.plain()
        ? new SpqrGrids.Plain(rows, n, spec, options.rounding())
        : new SpqrGrids.TwoLevels(rows, n, options.layout(spec, n));
  }

  private PackedTensor inOrder(PackedTensor solved) {
    return curvature.reordered()
        ? BandedTensor.of(
            solved.shape(), BandedTensor.Axis.COLUMNS, List.of(solved), 1, curvature.order())
        : solved;
  }

  /** The threshold with which about the wanted share of some blocks of rows is kept. */
  private double search(double unit) {
    double share = options.share().getAsDouble();
    if (share == 0) {
      return Double.POSITIVE_INFINITY;
    }
    int blocks = Math.ceilDiv(rows, grids().blockRows());
    int count = Math.min(blocks, SAMPLED_BLOCKS);
    int[] sampled = IntStream.range(0, count).map(i -> (int) ((long) i * blocks / count)).toArray();
    double low = Math.log(SMALLEST_THRESHOLD);
    double high = Math.log(LARGEST_THRESHOLD);
    for (int step = 0; step < SEARCH_STEPS; step++) {
      double middle = (low + high) / 2;
      Sums sums =
          run(
              sampled,
              grids(),
              Math.exp(middle) * unit,
              new boolean[w.length],
              new float[w.length]);
      if (sums.outliers > share * sums.weights) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return Math.exp(high);
  }

  private Sums run(
      int[] blocks, SpqrGrids grids, double threshold, boolean[] outlier, float[] values) {
    int n = curvature.size();
    SpqrBand.Problem problem =
        new SpqrBand.Problem(
            w,
            curvature,
            options.blockSize(),
            spec.groupColumns(n),
            grids,
            new LeaveOneOut(
                spec.bits(),
                spec.symmetric(),
                options.roundZero() || options.plain(),
                options.leaveOneOut() ? threshold : Double.POSITIVE_INFINITY),
            threshold,
            outlier,
            values);
    double[] losses = new double[blocks.length];
    int[] outliers = new int[blocks.length];
    int[] solved = new int[blocks.length];
    workers.forEach(
        blocks.length,
        i -> {
          int from = blocks[i] * grids.blockRows();
          int count = Math.min(grids.blockRows(), rows - from);
          SpqrBand band = new SpqrBand(problem, from, count);
          band.solve();
          losses[i] = band.loss();
          outliers[i] = band.outliers();
          solved[i] = count;
        });
    double loss = Arrays.stream(losses).reduce(0, Double::sum);
    long kept = Arrays.stream(outliers).asLongStream().sum();
    return new Sums(loss, kept, (long) n * Arrays.stream(solved).sum());
  }
}
