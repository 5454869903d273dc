package dev.nibble.compress.solve;

import dev.nibble.core.work.Workers;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Which columns of a block are salient, and where its other weights are split into small and large
 * ones (sheet 12e, steps 3 to 5): both chosen by the squared error that the binary layers leave,
 * over all rows. Sums go over fixed bands of rows in order, so they do not depend on threads.
 */
final class BinaryMasks {
  private static final int BAND_ROWS = 64;
  private static final int SPLITS = 81;
  private static final double FIRST_SPLIT = 0.10;
  private static final double SPLIT_STEP = 0.01;

  private final float[] v;
  private final int rows;
  private final int width;
  private final BillmOptions options;
  private final Workers workers;

  /**
   * @param v values in which the masks are searched, {@code [rows, width]}, not modified
   */
  BinaryMasks(float[] v, int width, BillmOptions options, Workers workers) {
    this.v = v;
    this.width = width;
    this.rows = v.length / width;
    this.options = options;
    this.workers = workers;
  }

  /**
   * The salient columns: of the columns by falling score, the leading ones whose number leaves the
   * least error with two layers for them and some for the rest; at least one, unless there is but
   * one column.
   *
   * @param scores of each column
   */
  boolean[] salient(double[] scores) {
    int[] order =
        IntStream.range(0, width)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer j) -> -scores[j]))
            .mapToInt(j -> j)
            .toArray();
    int most = Math.min(options.mostSalient(), width) - 1;
    double[] errors = overRows(Math.max(0, most), (row, out) -> salientErrors(row, order, out));
    boolean[] salient = new boolean[width];
    for (int i = 0; most > 0 && i <= least(errors); i++) {
      salient[order[i]] = true;
    }
    return salient;
  }

  private void salientErrors(int row, int[] order, double[] out) {
    float[] first = new float[width];
    float[] rest = new float[width];
    for (int n = 1; n <= out.length; n++) {
      for (int i = 0; i < n; i++) {
        first[i] = v[row * width + order[i]];
      }
      for (int i = n; i < width; i++) {
        rest[i - n] = v[row * width + order[i]];
      }
      out[n - 1] +=
          BinaryLayers.error(first, n, 2, options.centred())
              + BinaryLayers.error(rest, width - n, options.ordinaryLayers(), options.centred());
    }
  }

  /**
   * The magnitude from which a value of the other columns is large: of the quantiles 0.10, 0.11 …
   * 0.90 of their magnitudes, the one that leaves the least error with a layer on either side.
   */
  float split(boolean[] salient) {
    int[] ordinary = IntStream.range(0, width).filter(j -> !salient[j]).toArray();
    float[] magnitudes = new float[rows * ordinary.length];
    for (int i = 0; i < magnitudes.length; i++) {
      magnitudes[i] = Math.abs(v[i / ordinary.length * width + ordinary[i % ordinary.length]]);
    }
    Arrays.sort(magnitudes);
    float[] candidates = new float[SPLITS];
    for (int s = 0; s < SPLITS; s++) {
      candidates[s] = quantile(magnitudes, FIRST_SPLIT + s * SPLIT_STEP);
    }
    double[] errors = overRows(SPLITS, (row, out) -> splitErrors(row, ordinary, candidates, out));
    return candidates[least(errors)];
  }

  /** Linear between order statistics. */
  static float quantile(float[] sorted, double q) {
    double at = q * (sorted.length - 1);
    int below = (int) at;
    int above = Math.min(sorted.length - 1, below + 1);
    return (float) (sorted[below] + (at - below) * ((double) sorted[above] - sorted[below]));
  }

  private void splitErrors(int row, int[] ordinary, float[] candidates, double[] out) {
    float[] sorted = byMagnitude(row, ordinary);
    float[] part = new float[sorted.length];
    int last = -1;
    double error = 0;
    int small = 0;
    for (int s = 0; s < candidates.length; s++) {
      while (small < sorted.length && Math.abs(sorted[small]) < candidates[s]) {
        small++;
      }
      if (small != last) {
        System.arraycopy(sorted, 0, part, 0, small);
        error = BinaryLayers.error(part, small, 1, options.centred());
        System.arraycopy(sorted, small, part, 0, sorted.length - small);
        error += BinaryLayers.error(part, sorted.length - small, 1, options.centred());
        last = small;
      }
      out[s] += error;
    }
  }

  private float[] byMagnitude(int row, int[] columns) {
    long[] keys = new long[columns.length];
    for (int i = 0; i < keys.length; i++) {
      float magnitude = Math.abs(v[row * width + columns[i]]);
      keys[i] = (long) Float.floatToIntBits(magnitude) << 32 | columns[i];
    }
    Arrays.sort(keys);
    float[] out = new float[keys.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = v[row * width + (int) keys[i]];
    }
    return out;
  }

  /** Adds up what every row contributes to some numbers. */
  private interface RowSum {
    void add(int row, double[] out);
  }

  private double[] overRows(int count, RowSum contribution) {
    double[][] bands = new double[Math.ceilDiv(rows, BAND_ROWS)][count];
    workers.forEach(
        bands.length,
        band -> {
          int end = Math.min(rows, (band + 1) * BAND_ROWS);
          for (int row = band * BAND_ROWS; row < end; row++) {
            contribution.add(row, bands[band]);
          }
        });
    double[] sums = new double[count];
    for (double[] band : bands) {
      for (int i = 0; i < count; i++) {
        sums[i] += band[i];
      }
    }
    return sums;
  }

  /** Index of the first least one. */
  private static int least(double[] errors) {
    int best = 0;
    for (int i = 1; i < errors.length; i++) {
      if (errors[i] < errors[best]) {
        best = i;
      }
    }
    return best;
  }
}
