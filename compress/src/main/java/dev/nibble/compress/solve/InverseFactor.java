package dev.nibble.compress.solve;

import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The upper Cholesky factor U of an inverse, {@code A⁻¹ = UᵀU}, without forming the inverse: with J
 * the reversal of the axes and {@code JAJ = LLᵀ}, {@code U = J L⁻¹ J}. That takes one Cholesky
 * factorization and one triangular inverse (2n³/3 operations) instead of the usual factor, invert,
 * factor again (4n³/3), and squares no condition number on the way. fp64.
 */
final class InverseFactor {
  /** Columns of {@code L⁻¹} solved at once: fixed, so that bits do not depend on threads. */
  private static final int BAND = 256;

  /** Row c holds {@code U[c, c .. n)}. */
  private final double[][] rows;

  private InverseFactor(double[][] rows) {
    this.rows = rows;
  }

  /**
   * Factors a symmetric matrix.
   *
   * @param reversed {@code JAJ}, fp64 {@code [n, n]}, not modified
   * @return empty when the matrix is not positive definite in fp64
   */
  static Optional<InverseFactor> ofReversed(Tensor reversed, Workers workers) {
    return Torch.noGrad(
        () -> {
          T_TensorTensor_T result = torch.linalg_cholesky_ex(reversed);
          if (result.get1().item_int() != 0) {
            return Optional.empty();
          }
          InverseFactor factor = invert(result.get0(), workers);
          return factor.finite() ? Optional.of(factor) : Optional.empty();
        });
  }

  private static InverseFactor invert(Tensor lower, Workers workers) {
    int n = Math.toIntExact(lower.size(0));
    double[][] rows = new double[n][];
    for (int c = 0; c < n; c++) {
      rows[c] = new double[n - c];
    }
    workers.forEach(
        Math.ceilDiv(n, BAND),
        band -> {
          int from = band * BAND;
          int width = Math.min(BAND, n - from);
          Torch.run(
              () -> {
                // above its diagonal block, a band of L⁻¹ is zero
                Tensor tail = lower.narrow(0, from, n - from).narrow(1, from, n - from);
                Tensor unit = torch.eye(n - from, width, new TensorOptions(ScalarType.Double));
                Tensor solved = torch.linalg_solve_triangular(tail, unit, false).contiguous();
                scatter(Torch.view(solved), from, width, rows);
              });
        });
    return new InverseFactor(rows);
  }

  /** Stores {@code L⁻¹[r, k]} as {@code U[n-1-r, n-1-k]}. */
  private static void scatter(MemorySegment band, int from, int width, double[][] rows) {
    int n = rows.length;
    for (int r = from; r < n; r++) {
      double[] row = rows[n - 1 - r];
      long at = (long) (r - from) * width;
      for (int k = from; k < Math.min(from + width, r + 1); k++) {
        row[r - k] = band.getAtIndex(ValueLayout.JAVA_DOUBLE, at + k - from);
      }
    }
  }

  private boolean finite() {
    for (double[] row : rows) {
      for (double u : row) {
        if (!Double.isFinite(u)) {
          return false;
        }
      }
    }
    return true;
  }

  int size() {
    return rows.length;
  }

  /** {@code U[c, c .. n)}, live; the first element is the diagonal, positive. */
  double[] row(int c) {
    return rows[c];
  }
}
