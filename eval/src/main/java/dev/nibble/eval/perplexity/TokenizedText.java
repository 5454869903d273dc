package dev.nibble.eval.perplexity;

/**
 * A text as token ids.
 *
 * @param id what text it is, for the report
 * @param tokens ids of the whole text, tokenized once with the tokenizer's own special-token
 *     policy; a trailing EOS is removed
 * @param bosId begin-of-sequence token, -1 for none
 * @param addsBos the tokenizer puts {@code bosId} before a text
 */
public record TokenizedText(String id, int[] tokens, int bosId, boolean addsBos) {

  /** The text without a leading BOS. */
  int[] withoutBos() {
    boolean leading = bosId >= 0 && tokens.length > 0 && tokens[0] == bosId;
    return leading ? java.util.Arrays.copyOfRange(tokens, 1, tokens.length) : tokens;
  }
}
