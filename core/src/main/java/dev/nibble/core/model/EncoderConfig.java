package dev.nibble.core.model;

/**
 * What an encoder has beside its blocks (BERT, ELECTRA). Its attention sees both ways; its input is
 * {@code project_in(norm(token + position + type))}, each token being of type 0.
 *
 * @param tokenTypes rows of the table of token types; 0 says that the model is no encoder
 * @param head what stands on the blocks
 * @param headActivation activation between the two linears of the head
 * @param labels outputs of a classifier, else 0
 * @param pooling how the vectors of a text's tokens become one; all that a decoder has of this
 */
public record EncoderConfig(
    int tokenTypes, Head head, ModelConfig.Activation headActivation, int labels, Pooling pooling) {

  /** For a decoder that says nothing: only its last token has seen the whole text. */
  public static final EncoderConfig NONE = ofDecoder(Pooling.LAST);

  /** For a decoder. */
  public static EncoderConfig ofDecoder(Pooling pooling) {
    return new EncoderConfig(0, Head.NONE, ModelConfig.Activation.GELU, 0, pooling);
  }

  /** Heads. */
  public enum Head {
    /** The vectors of the last block are the output. */
    NONE,
    /** {@code lm_head(norm(act(dense(x))))} of every token: logits of the vocabulary. */
    MASKED_LM,
    /** {@code classifier(act(dense(x)))} of the first token: logits of the labels. */
    CLASSIFIER
  }

  /** Ways to one vector for a text. */
  public enum Pooling {
    /** Mean over the text's tokens, special ones included and padding not. */
    MEAN,
    /** The first token's, as [CLS]. */
    FIRST,
    /** The last token's. */
    LAST,
    /** Mean with weights 1, 2, 3 ...: later tokens of a decoder have seen more. */
    WEIGHTED_MEAN
  }

  /** True for an encoder. */
  public boolean present() {
    return tokenTypes > 0;
  }
}
