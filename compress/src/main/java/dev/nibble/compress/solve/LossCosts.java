package dev.nibble.compress.solve;

import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.util.Optional;

/**
 * What losing a weight costs on the calibration inputs, by its square and column: {@code 1 / U_jj²}
 * with U the upper factor of the inverse Hessian.
 */
public final class LossCosts {
  private LossCosts() {}

  /**
   * Costs of each input.
   *
   * @param dampPercent added to the diagonal, as a fraction of its mean
   * @return empty when the Hessian cannot be factored or every input is dead
   */
  public static Optional<double[]> of(Hessian hessian, double dampPercent, Workers workers) {
    return Torch.scope(() -> Curvature.of(hessian.matrix(), dampPercent, false, workers))
        .map(Curvature::lossCosts);
  }
}
