package dev.nibble.compress.solve;

import dev.nibble.models.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The unit lower triangular L of {@code H = L D Lᵀ}, and the damped H itself.
 *
 * @param lower row k holds {@code L_k,0 .. L_k,k-1}
 * @param hessian rows of the damped H
 * @param rescues rungs of the damping ladder that were taken, in words
 */
record LdlFactor(double[][] lower, double[][] hessian, List<String> rescues) {
  private static final int RAISES = 3;
  private static final double LEAST_RAISED = 0.01;

  /**
   * Factors a Hessian; damping goes up by tens, three times at most, until it can be.
   *
   * @param hessian fp64 {@code [n, n]}, symmetric, not modified
   * @param dampPercent added to the diagonal, as a fraction of its mean
   * @return empty when no damping did
   */
  static Optional<LdlFactor> of(Tensor hessian, double dampPercent) {
    return Torch.noGrad(
        () -> {
          double mean = hessian.diagonal().mean().item_double();
          if (!(mean > 0) || Double.isInfinite(mean)) {
            return Optional.empty();
          }
          List<String> rescues = new ArrayList<>();
          double percent = dampPercent;
          for (int raise = 0; raise <= RAISES; raise++) {
            Tensor damped = hessian.clone();
            damped.diagonal().add_(new Scalar(percent * mean));
            T_TensorTensor_T result = torch.linalg_cholesky_ex(damped);
            if (result.get1().item_int() == 0) {
              return Optional.of(factor(result.get0(), damped, rescues));
            }
            percent = Math.max(percent * 10, LEAST_RAISED);
            rescues.add("damping raised to " + percent + " of the mean diagonal");
          }
          return Optional.empty();
        });
  }

  private static LdlFactor factor(Tensor cholesky, Tensor damped, List<String> rescues) {
    Tensor unit = cholesky.div(cholesky.diagonal()).contiguous();
    int n = Math.toIntExact(unit.size(0));
    double[][] lower = new double[n][];
    double[][] hessian = new double[n][];
    MemorySegment l = Torch.view(unit);
    MemorySegment h = Torch.view(damped.contiguous());
    for (int k = 0; k < n; k++) {
      lower[k] = row(l, (long) k * n, k);
      hessian[k] = row(h, (long) k * n, n);
    }
    return new LdlFactor(lower, hessian, List.copyOf(rescues));
  }

  private static double[] row(MemorySegment values, long from, int count) {
    double[] out = new double[count];
    MemorySegment.copy(values, ValueLayout.JAVA_DOUBLE, from * Double.BYTES, out, 0, count);
    return out;
  }

  /** Width of the inputs. */
  int size() {
    return lower.length;
  }
}
