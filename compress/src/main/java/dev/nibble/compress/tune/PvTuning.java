package dev.nibble.compress.tune;

import dev.nibble.compress.ModelTuner;
import dev.nibble.compress.Step;
import dev.nibble.compress.TunerTask;
import java.util.Optional;

/**
 * PV-Tuning (Malinovskii et al. 2024): trains values and codes of every weight that is stored as
 * sums of codewords or on an integer grid, and the parameters that are not quantized, towards the
 * next-token distributions of the original model. The P step is Adam on values (algorithm 1, line
 * 4), the V step a linearized one on a small subspace (equation 6 and section 3.3). Types and sizes
 * stay.
 *
 * <p>P(x) ↔ codes; V(x) ↔ codewords and scales; y⁺ ↔ {@link CodeMover}'s aim.
 *
 * <p>Deviations: one sequence is a micro-batch. Zero-points of integer grids stay.
 *
 * <p>Cost: a step is one forward pass of the teacher and a forward and backward pass of the student
 * for each sequence. Memory: both models in fp32, gradients, moments and accumulated updates.
 */
final class PvTuning implements Step, ModelTuner {
  private final PvOptions options;

  PvTuning(PvOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.TOKENS;
  }

  @Override
  public Optional<ModelTuner> tuner() {
    return options.strategy() == PvStrategy.NONE || options.steps() == 0
        ? Optional.empty()
        : Optional.of(this);
  }

  /** Gradients of each thread and their sum, moments, aims, and values on the way. */
  @Override
  public long workingBytes(ModelShape shape) {
    long copies = 6 + 2L * shape.threads();
    long logits = 6 * shape.logitBytes();
    return copies * shape.parameterBytes()
        + shape.threads() * (2 * shape.activationBytes() + logits);
  }

  @Override
  public void tune(TunerTask task) {
    try (PvTrainer trainer = new PvTrainer(task, options)) {
      trainer.train();
    }
  }
}
