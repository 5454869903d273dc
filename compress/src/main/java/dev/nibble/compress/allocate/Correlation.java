package dev.nibble.compress.allocate;

import dev.nibble.models.Torch;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.StringViewOptional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Canonical correlations of two views of the same tokens (sheet 01, step 1): the singular values of
 * {@code Σxx^(-1/2) Σxy Σyy^(-1/2)}, of centred views, in fp64. A view is whitened once, on its
 * largest principal components (SVCCA, Raghu et al. 2017): {@code U = X V (Λ + εI)^(-1/2) /
 * √(n−1)}; then the correlations with another view are the singular values of {@code Uᵀ U'}.
 */
final class Correlation {
  private Correlation() {}

  /** Components that {@code tokens} vectors of a width can tell apart: ten tokens for each. */
  static int components(int width, long tokens, int wanted) {
    int most = (int) Math.clamp(tokens / 10, 1L, width);
    return wanted == 0 ? most : Math.min(wanted, most);
  }

  /**
   * A whitened view, {@code [tokens, components]}, fp64.
   *
   * @param view {@code [tokens, width]}
   * @param epsilon added to the variances, as a share of their mean
   */
  static Tensor whiten(Tensor view, int components, double epsilon) {
    return Torch.owned(
        () -> {
          Tensor x = view.to(ScalarType.Double);
          x = x.sub(x.mean(new long[] {0}, true, new ScalarTypeOptional()));
          Tensor covariance = x.t().mm(x).div(new Scalar((double) (x.size(0) - 1)));
          double ridge = epsilon * covariance.trace().item_double() / x.size(1);
          T_TensorTensor_T eigen = torch.linalg_eigh(covariance);
          long width = x.size(1);
          Tensor values = eigen.get0().narrow(0, width - components, components);
          Tensor vectors = eigen.get1().narrow(1, width - components, components);
          Tensor deviations =
              values
                  .clamp_min(new Scalar(0.0))
                  .add(new Scalar(Math.max(ridge, Double.MIN_NORMAL)))
                  .sqrt();
          return x.mm(vectors).div(deviations).div(new Scalar(Math.sqrt(x.size(0) - 1.0)));
        });
  }

  /** Mean of the canonical correlations of two whitened views, 0 to 1. */
  static double mean(Tensor whitened, Tensor other) {
    double[] values =
        Torch.noGrad(
            () ->
                Torch.toDoubles(
                    torch.linalg_svdvals(whitened.t().mm(other), new StringViewOptional())));
    double sum = 0;
    for (double value : values) {
      sum += Math.clamp(value, 0, 1);
    }
    return sum / values.length;
  }
}
