package dev.nibble.eval.perplexity;

import dev.nibble.io.token.Tokenizer;
import java.util.Arrays;

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

  /** Tokenizes a text with the tokenizer's own special tokens, less a trailing EOS. */
  public static TokenizedText of(String id, String text, Tokenizer tokenizer) {
    int[] tokens = tokenizer.encode(text, true);
    int end = tokens.length;
    while (end > 0 && tokens[end - 1] != tokenizer.bosId() && isEnd(tokenizer, tokens[end - 1])) {
      end--;
    }
    int bos = tokenizer.bosId();
    int[] frame = tokenizer.encode("a", true);
    boolean addsBos = bos >= 0 && frame.length > 0 && frame[0] == bos;
    return new TokenizedText(id, Arrays.copyOf(tokens, end), bos, addsBos);
  }

  private static boolean isEnd(Tokenizer tokenizer, int token) {
    return tokenizer.eosIds().contains(token);
  }

  /** The text without a leading BOS. */
  int[] withoutBos() {
    boolean leading = bosId >= 0 && tokens.length > 0 && tokens[0] == bosId;
    return leading ? Arrays.copyOfRange(tokens, 1, tokens.length) : tokens;
  }
}
