package dev.nibble.compress.transform;

import dev.nibble.models.Torch;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Steepest descent among orthogonal matrices (Li et al. 2020, "Efficient Riemannian Optimization on
 * the Stiefel Manifold via the Cayley Transform", as SpinQuant uses it). With the gradient G and
 * {@code A = G Uᵀ}, the skew matrix {@code S = (A - Aᵀ)/2} turns U by {@code U ← (I + α/2 S)⁻¹ (I -
 * α/2 S) U}, which is orthogonal for any step length α.
 *
 * <p>Deviation: the Cayley transform is solved in fp64 instead of iterated five times in fp32, so
 * no re-orthogonalisation is ever needed.
 */
final class Cayley {
  private static final double SMALLEST = 1e-8;

  private Cayley() {}

  /**
   * One step of descent.
   *
   * @param u fp64 orthogonal {@code [n, n]}, not modified
   * @param gradient of the loss by u, any precision
   * @param rate largest step length; it is shortened to {@code 1 / ‖S‖₁}
   * @return fp64, orthogonal; a new tensor
   */
  static Tensor step(Tensor u, Tensor gradient, double rate) {
    return Torch.noGrad(
        () -> {
          Tensor product = gradient.to(ScalarType.Double).mm(u.t());
          Tensor skew = product.sub(product.t()).mul(new Scalar(0.5));
          double norm = skew.abs().sum(0).max().item_double();
          if (norm == 0 || rate == 0) {
            return u.clone();
          }
          double half = Math.min(rate, 1 / (norm + SMALLEST)) / 2;
          Tensor unit = torch.eye(u.size(0), new TensorOptions(ScalarType.Double));
          Tensor turn = skew.mul(new Scalar(half));
          // downhill: (I + a S) U' = (I - a S) U
          return torch.linalg_solve(unit.add(turn), unit.sub(turn).mm(u));
        });
  }
}
