package dev.nibble.compress.solve;

import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.core.rounding.Clip;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.util.Optional;

/**
 * What a good solver would make of weights at a spec, for steps that have to know before any solver
 * runs: GPTQ on clipped grids where there is a usable Hessian and the spec is of integers, else
 * rounding. One for the sites of a stage, whose Hessian is factored once. Nothing is stored.
 */
public final class TrialSolver {
  private static final RoundingOptions ROUNDING = new RoundingOptions(null, Clip.MSE, 2);

  private final Optional<Curvature> curvature;
  private final Workers workers;

  private TrialSolver(Optional<Curvature> curvature, Workers workers) {
    this.curvature = curvature;
    this.workers = workers;
  }

  /** Solves with the inputs that a Hessian has seen. */
  public static TrialSolver of(Hessian hessian, Workers workers) {
    GptqOptions options = GptqOptions.DEFAULT;
    return new TrialSolver(
        Torch.scope(
            () ->
                Curvature.of(hessian.matrix(), options.dampPercent(), options.actOrder(), workers)),
        workers);
  }

  /** Rounds only. */
  public static TrialSolver rounding(Workers workers) {
    return new TrialSolver(Optional.empty(), workers);
  }

  /**
   * The weight as it would be stored.
   *
   * @param w {@code [rows, columns]}, finite, not modified
   */
  public PackedTensor solve(float[] w, long[] shape, QuantSpec spec) {
    if (curvature.isPresent() && spec.affine()) {
      GptqOptions defaults = GptqOptions.DEFAULT;
      GptqOptions options =
          new GptqOptions(
              defaults.dampPercent(),
              defaults.actOrder(),
              true,
              defaults.trueSequential(),
              defaults.blockSize(),
              false,
              ROUNDING,
              defaults.salience(),
              defaults.fallback());
      Gptq.Solution solution = Gptq.solve(w, curvature.get(), spec, options, workers);
      if (Double.isFinite(solution.loss())) {
        return solution.pack(Math.toIntExact(shape[0]), Math.toIntExact(shape[1]), spec);
      }
    }
    return RoundToNearest.quantize(w, shape, spec, ROUNDING, workers);
  }
}
