package dev.nibble.eval.tasks;

/**
 * Likelihood of a continuation.
 *
 * @param logProb sum of its tokens' log-probabilities in nats; NaN if it could not be scored
 * @param greedy whether every token is the model's first choice
 */
public record Likelihood(double logProb, boolean greedy) {
  /** What an item gets whose logits are not finite. */
  static final Likelihood ERROR = new Likelihood(Double.NaN, false);

  boolean failed() {
    return Double.isNaN(logProb);
  }
}
