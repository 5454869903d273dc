package dev.nibble.core.model;

/**
 * Fixed numbers in a forward pass that most families leave at their usual values.
 *
 * @param embedding factor on the rows of the token table (Gemma: the root of the hidden size), 1
 *     for none; a tied head reads the table without it
 * @param attention factor on the products of queries and keys, 0 for {@code 1/sqrt(headDim)}
 * @param attentionCap c of {@code s = c·tanh(s/c)} on the scaled scores before the mask, 0 for none
 *     (Gemma 2)
 * @param logitCap the same on the logits
 */
public record Scalars(double embedding, double attention, double attentionCap, double logitCap) {

  /** What most families use. */
  public static final Scalars USUAL = new Scalars(1, 0, 0, 0);
}
