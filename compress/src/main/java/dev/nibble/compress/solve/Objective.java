package dev.nibble.compress.solve;

import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** What a solver minimizes, {@code tr(D H Dᵀ)}, and what a solver without data is judged by. */
public final class Objective {
  private static final int BAND_ROWS = 128;

  private Objective() {}

  /**
   * {@code tr(D H Dᵀ)} with {@code D = w - q}; by bands of rows in parallel, each in fp32 with a
   * sum in fp64.
   *
   * @param w {@code [rows, n]}
   * @param q the same size, or null for zeros, which gives {@code tr(W H Wᵀ)}
   * @param hessian fp32 {@code [n, n]}
   */
  public static double error(float[] w, float[] q, Tensor hessian, Workers workers) {
    int n = Math.toIntExact(hessian.size(0));
    int rows = w.length / n;
    double[] sums = new double[Math.ceilDiv(rows, BAND_ROWS)];
    workers.forEach(
        sums.length,
        band -> {
          int from = band * BAND_ROWS;
          int count = Math.min(BAND_ROWS, rows - from);
          float[] difference = new float[count * n];
          for (int i = 0; i < difference.length; i++) {
            int at = from * n + i;
            difference[i] = q == null ? w[at] : w[at] - q[at];
          }
          sums[band] =
              Torch.noGrad(
                  () -> {
                    Tensor d = Torch.fromFloats(difference, count, n);
                    return d.mm(hessian)
                        .mul(d)
                        .sum(new ScalarTypeOptional(ScalarType.Double))
                        .item_double();
                  });
        });
    double sum = 0;
    for (double s : sums) {
      sum += s;
    }
    return sum;
  }

  /** {@code ‖w - q‖² / ‖w‖²}; 0 when both are zero. */
  public static double relative(float[] w, float[] q) {
    double error = 0;
    double norm = 0;
    for (int i = 0; i < w.length; i++) {
      double d = (double) w[i] - q[i];
      error += d * d;
      norm += (double) w[i] * w[i];
    }
    return ratio(error, norm);
  }

  /** {@code error / norm}; 0 when there is no error. */
  public static double ratio(double error, double norm) {
    return error == 0 ? 0 : error / norm;
  }
}
