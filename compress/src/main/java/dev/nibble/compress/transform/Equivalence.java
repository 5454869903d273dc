package dev.nibble.compress.transform;

import dev.nibble.models.Torch;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** How far two outputs that should be equal are apart. */
public final class Equivalence {
  private Equivalence() {}

  /**
   * {@code ‖found - expected‖ / ‖expected‖}: 0 for equal zeros, infinite where either holds a value
   * that is not finite.
   */
  public static double relativeDifference(Tensor expected, Tensor found) {
    double[] norms = new double[2];
    Torch.run(
        () -> {
          Tensor reference = expected.detach().to(ScalarType.Double);
          norms[0] = reference.sub(found.detach()).square().sum().item_double();
          norms[1] = reference.square().sum().item_double();
        });
    if (!Double.isFinite(norms[0]) || !Double.isFinite(norms[1])) {
      return Double.POSITIVE_INFINITY;
    }
    return norms[0] == 0 ? 0 : Math.sqrt(norms[0] / norms[1]);
  }
}
