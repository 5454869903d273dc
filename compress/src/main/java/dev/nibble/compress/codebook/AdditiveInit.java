package dev.nibble.compress.codebook;

import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.core.work.Workers;

/**
 * Where additive quantization starts, without data (sheet 31a, steps 2 and 3): a row is divided by
 * its norm, all groups are clustered, then what the first codebook left over, and so on.
 */
public final class AdditiveInit {
  /** Norms that fp16 rounds to zero. */
  private static final double TINY = 2.9e-8;

  private static final float HALF_MAX = 65504f;

  private AdditiveInit() {}

  /**
   * Residual k-means.
   *
   * @param w {@code [rows, columns]}, finite
   * @param layout one set of codebooks, a scale a row
   * @param rounds of each clustering, at most
   * @param perCentroid points looked at, as a multiple of the centroids; 0 for all
   */
  public static CodebookMatrix residual(
      float[] w,
      int columns,
      CodebookLayout layout,
      int rounds,
      int perCentroid,
      long seed,
      Workers workers) {
    int rows = w.length / columns;
    int groups = layout.groups(columns);
    int g = layout.groupSize();
    int width = groups * g;
    float[] scales = new float[rows];
    float[] left = new float[rows * width];
    for (int r = 0; r < rows; r++) {
      double square = 0;
      for (int c = 0; c < columns; c++) {
        square += (double) w[r * columns + c] * w[r * columns + c];
      }
      double norm = Math.sqrt(square);
      scales[r] = norm <= TINY ? 0 : (float) Math.min(HALF_MAX, norm);
      for (int c = 0; c < columns && scales[r] > 0; c++) {
        left[r * width + c] = w[r * columns + c] / scales[r];
      }
    }
    int m = layout.codebooks();
    int[] codes = new int[rows * groups * m];
    float[] words = new float[Math.toIntExact(layout.elements())];
    int book = layout.codewords() * g;
    for (int k = 0; k < m; k++) {
      KMeans.Clusters found =
          KMeans.fit(left, g, layout.codewords(), rounds, perCentroid, seed + k, workers);
      System.arraycopy(found.centroids(), 0, words, k * book, book);
      for (int p = 0; p < found.nearest().length; p++) {
        int code = found.nearest()[p];
        codes[p * m + k] = code;
        for (int i = 0; i < g; i++) {
          left[p * g + i] -= words[k * book + code * g + i];
        }
      }
    }
    return new CodebookMatrix(layout, rows, columns, codes, words, scales, null);
  }
}
