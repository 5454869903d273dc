package dev.nibble.compress.train;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;

/**
 * How the network is optimized.
 *
 * @param steps optimizer steps
 * @param batch sequences a step
 * @param microBatch sequences whose gradients are computed together; divides {@code batch}. Part of
 *     the recipe because the order of summation, and so the last bits, depend on it
 * @param length tokens a sequence
 * @param learningRate peak
 * @param finalRate learning rate at the end, as a share of the peak
 * @param warmUp steps of linear increase
 * @param weightDecay decoupled decay of matrices
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param clip largest global norm of the gradient
 * @param dropout share of each block's output dropped in training
 * @param precision arithmetic of matrix products
 * @param evaluateEvery steps between evaluations on held-out text
 * @param evaluateTokens held-out tokens of an evaluation during training
 * @param checkpointEvery steps between checkpoints
 */
public record Schedule(
    int steps,
    int batch,
    int microBatch,
    int length,
    double learningRate,
    double finalRate,
    int warmUp,
    double weightDecay,
    double beta1,
    double beta2,
    double clip,
    double dropout,
    Precision precision,
    int evaluateEvery,
    int evaluateTokens,
    int checkpointEvery) {

  /**
   * Arithmetic of matrix products. Parameters, activations and optimizer state are always fp32;
   * with {@code BF16} the operands of a product are rounded to bf16 inside it and summed in fp32,
   * which processors with bf16 instructions do many times faster.
   */
  public enum Precision {
    FP32,
    BF16
  }

  static Schedule read(OptionReader options) {
    int steps = options.integer("steps", 1000, 1, 100_000_000);
    Schedule schedule =
        new Schedule(
            steps,
            options.integer("batch", 16, 1, 65536),
            options.integer("micro_batch", 4, 1, 4096),
            options.integer("length", 256, 2, 1 << 20),
            options.real("learning_rate", 2e-3, 1e-8, 1),
            options.real("final_rate", 0.05, 0, 1),
            options.integer("warm_up", Math.min(steps - 1, 100), 0, 100_000_000),
            options.real("weight_decay", 0.1, 0, 10),
            options.real("beta1", 0.9, 0, 0.99999),
            options.real("beta2", 0.95, 0, 0.99999),
            options.real("clip", 1, 1e-6, 1e9),
            options.real("dropout", 0, 0, 0.9),
            options.choice("precision", Precision.FP32, Precision.class),
            options.integer("evaluate_every", 200, 1, 100_000_000),
            options.integer("evaluate_tokens", 16384, 1, 100_000_000),
            options.integer("checkpoint_every", 200, 1, 100_000_000));
    if (schedule.batch % schedule.microBatch != 0) {
      throw new NibbleException(
          options.where()
              + ".micro_batch: "
              + schedule.microBatch
              + " does not divide the batch of "
              + schedule.batch
              + " sequences; choose a divisor");
    }
    if (schedule.warmUp >= steps) {
      throw new NibbleException(
          options.where()
              + ".warm_up: "
              + schedule.warmUp
              + " steps leave none of the "
              + steps
              + " steps");
    }
    return schedule;
  }

  /** Micro-batches a step. */
  int microBatches() {
    return batch / microBatch;
  }

  /** What the optimizer does with gradients. */
  AdamW.Rule rule() {
    return new AdamW.Rule(beta1, beta2, weightDecay, clip, this::rate);
  }

  /** Learning rate of a step, counted from 0: linear warm-up, then half a cosine to the final. */
  double rate(int step) {
    if (step < warmUp) {
      return learningRate * (step + 1) / warmUp;
    }
    double done = (double) (step - warmUp) / Math.max(1, steps - 1 - warmUp);
    double share = finalRate + (1 - finalRate) * 0.5 * (1 + StrictMath.cos(StrictMath.PI * done));
    return learningRate * share;
  }
}
