package dev.nibble.compress.solve;

import dev.nibble.compress.codebook.CodebookMatrix;
import dev.nibble.compress.codebook.KMeans;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.work.Workers;
import java.util.Arrays;

/**
 * Where JLCM starts (sheet 40, steps 1 and 2): rows of similar distribution in classes, by k-means
 * on quantiles of their magnitudes; then levels for each codebook.
 */
final class JlcmInit {
  private static final int QUANTILES = 16;
  private static final int ROUNDS = 50;

  private final float[] w;
  private final int columns;
  private final int rows;
  private final CodebookLayout layout;
  private final JlcmOptions.Init init;

  private JlcmInit(float[] w, int columns, CodebookLayout layout, JlcmOptions.Init init) {
    this.w = w;
    this.columns = columns;
    this.rows = w.length / columns;
    this.layout = layout;
    this.init = init;
  }

  /**
   * The start of a matrix.
   *
   * @param w {@code [rows, columns]}, finite
   * @param layout one codebook a set, groups of one column
   */
  static CodebookMatrix start(
      float[] w,
      int columns,
      CodebookLayout layout,
      JlcmOptions.Init init,
      long seed,
      Workers workers) {
    return new JlcmInit(w, columns, layout, init).run(seed, workers);
  }

  private CodebookMatrix run(long seed, Workers workers) {
    int[] classes = layout.rowGroups() == 1 ? new int[rows] : classes(seed, workers);
    float[] scales = new float[Math.toIntExact(layout.scaleCount(rows))];
    float[] words = new float[Math.toIntExact(layout.elements())];
    CodebookMatrix matrix =
        new CodebookMatrix(layout, rows, columns, new int[rows * columns], words, scales, classes);
    for (int i = 0; i < scales.length; i++) {
      scales[i] = scale(matrix, i);
    }
    int count = layout.codewords();
    workers.forEach(
        layout.sets(),
        set -> {
          float[] values = sorted(matrix, set);
          System.arraycopy(levels(values), 0, words, set * count, count);
        });
    matrix.roundToHalf();
    for (int r = 0; r < rows; r++) {
      float scale = matrix.scale(r);
      for (int c = 0; c < columns; c++) {
        float value = scale == 0 ? 0 : w[r * columns + c] / scale;
        matrix.codes()[r * columns + c] =
            Levels1d.nearest(words, matrix.setOffset(r), count, value);
      }
    }
    return matrix;
  }

  private int[] classes(long seed, Workers workers) {
    float[] features = new float[rows * QUANTILES];
    for (int r = 0; r < rows; r++) {
      float[] sizes = new float[columns];
      for (int c = 0; c < columns; c++) {
        sizes[c] = Math.abs(w[r * columns + c]);
      }
      Arrays.sort(sizes);
      System.arraycopy(Levels1d.quantiles(sizes, QUANTILES), 0, features, r * QUANTILES, QUANTILES);
    }
    return KMeans.fit(features, QUANTILES, layout.rowGroups(), ROUNDS, 0, seed, workers).nearest();
  }

  /** Scale number {@code index}: root mean square of what it scales, or that of rounding. */
  private float scale(CodebookMatrix matrix, int index) {
    float[] own = new float[w.length];
    int n = 0;
    for (int r = 0; r < rows; r++) {
      if (matrix.scaleIndex(r) == index) {
        System.arraycopy(w, r * columns, own, n, columns);
        n += columns;
      }
    }
    float[] values = Arrays.copyOf(own, n);
    if (init == JlcmOptions.Init.UNIFORM) {
      return n == 0 ? 0 : rounding(values);
    }
    double sum = 0;
    for (float v : values) {
      sum += (double) v * v;
    }
    return n == 0 ? 0 : (float) Math.sqrt(sum / n);
  }

  /** Scale that round-to-nearest gives these values. */
  private float rounding(float[] values) {
    return ((AffineTensor)
            RoundToNearest.quantize(
                values,
                new long[] {1, values.length},
                QuantSpec.parse("int" + layout.bits() + ":channel:sym"),
                RoundingOptions.DEFAULT))
        .scale(0, 0);
  }

  /** All values that a set stands for, scaled, ascending. */
  private float[] sorted(CodebookMatrix matrix, int set) {
    float[] out = new float[w.length];
    int n = 0;
    for (int r = 0; r < rows; r++) {
      if ((!layout.multi() || matrix.rowClass(r) == set) && matrix.scale(r) != 0) {
        for (int c = 0; c < columns; c++) {
          out[n++] = w[r * columns + c] / matrix.scale(r);
        }
      }
    }
    float[] values = Arrays.copyOf(out, n);
    Arrays.sort(values);
    return values;
  }

  private float[] levels(float[] values) {
    int count = layout.codewords();
    if (values.length == 0) {
      return new float[count];
    }
    if (init == JlcmOptions.Init.QUANTILE) {
      return Levels1d.quantiles(values, count);
    }
    float[] grid = new float[count];
    float step = layout.scales() == CodebookLayout.Scales.NONE ? rounding(values) : 1;
    if (init == JlcmOptions.Init.KMEANS && step == 1) {
      step = rounding(values);
    }
    for (int k = 0; k < count; k++) {
      grid[k] = step * (k - count / 2);
    }
    if (init == JlcmOptions.Init.UNIFORM) {
      return grid;
    }
    float[] a = Levels1d.lloyd(values, grid);
    float[] b = Levels1d.lloyd(values, Levels1d.quantiles(values, count));
    return Levels1d.error(values, a) <= Levels1d.error(values, b) ? a : b;
  }
}
