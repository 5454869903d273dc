package dev.nibble.compress.solve;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * GPTQ once more, as directly as it can be said: optimal brain surgery one column at a time with
 * the explicit inverse of the remaining Hessian (Frantar et al. 2022, "Optimal Brain Compression"),
 * without factor, blocks or libtorch. Asymmetric grids of fp16 scale from compensated columns.
 */
final class PlainGptq {
  private PlainGptq() {}

  static byte[] solve(float[] w, double[] h, int n, int group, int bits, boolean actOrder) {
    Integer[] order = IntStream.range(0, n).boxed().toArray(Integer[]::new);
    if (actOrder) {
      Arrays.sort(order, Comparator.comparingDouble((Integer j) -> -h[j * n + j]));
    }
    double mean = IntStream.range(0, n).mapToDouble(j -> h[j * n + j]).average().orElseThrow();
    double[][] a = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        a[i][j] = h[order[i] * n + order[j]] + (i == j ? 0.01 * mean : 0);
      }
    }
    double[][] inverse = invert(a);
    int rows = w.length / n;
    double[][] x = new double[rows][n];
    for (int r = 0; r < rows; r++) {
      for (int p = 0; p < n; p++) {
        x[r][p] = w[r * n + order[p]];
      }
    }
    byte[] codes = new byte[w.length];
    double[][] grids = new double[rows][];
    for (int p = 0; p < n; p++) {
      for (int r = 0; r < rows; r++) {
        if (p % group == 0) {
          grids[r] = grid(x[r], p, Math.min(n, p + group), bits);
        }
        double scale = grids[r][0];
        double zero = grids[r][1];
        double code =
            Math.clamp(Math.rint((float) x[r][p] / (float) scale) + zero, 0, (1 << bits) - 1);
        codes[r * n + order[p]] = (byte) code;
        double error = (x[r][p] - (float) (scale * (code - zero))) / inverse[p][p];
        for (int j = p + 1; j < n; j++) {
          x[r][j] -= error * inverse[p][j];
        }
      }
      eliminate(inverse, p);
    }
    return codes;
  }

  /** Takes column p out of the inverse: what is left is the inverse without row and column p. */
  private static void eliminate(double[][] inverse, int p) {
    for (int i = p + 1; i < inverse.length; i++) {
      double factor = inverse[i][p] / inverse[p][p];
      for (int j = p + 1; j < inverse.length; j++) {
        inverse[i][j] -= factor * inverse[p][j];
      }
    }
  }

  private static double[] grid(double[] x, int from, int to, int bits) {
    double lo = 0;
    double hi = 0;
    for (int i = from; i < to; i++) {
      lo = Math.min(lo, (float) x[i]);
      hi = Math.max(hi, (float) x[i]);
    }
    int top = (1 << bits) - 1;
    float scale = Float.float16ToFloat(Float.floatToFloat16((float) ((hi - lo) / top)));
    return new double[] {scale, Math.rint(-lo / scale)};
  }

  /** Gauss–Jordan with the diagonal as pivots, which a positive definite matrix allows. */
  private static double[][] invert(double[][] a) {
    int n = a.length;
    double[][] m = new double[n][2 * n];
    for (int i = 0; i < n; i++) {
      System.arraycopy(a[i], 0, m[i], 0, n);
      m[i][n + i] = 1;
    }
    for (int p = 0; p < n; p++) {
      double pivot = m[p][p];
      for (int j = 0; j < 2 * n; j++) {
        m[p][j] /= pivot;
      }
      for (int i = 0; i < n; i++) {
        double factor = m[i][p];
        if (i != p && factor != 0) {
          for (int j = 0; j < 2 * n; j++) {
            m[i][j] -= factor * m[p][j];
          }
        }
      }
    }
    double[][] out = new double[n][];
    for (int i = 0; i < n; i++) {
      out[i] = Arrays.copyOfRange(m[i], n, 2 * n);
    }
    return out;
  }
}
