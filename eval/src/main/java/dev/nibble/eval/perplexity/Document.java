package dev.nibble.eval.perplexity;

import dev.nibble.io.token.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/**
 * A document of the {@code harness} protocol. Words and bytes are those of the original page,
 * tokens those of the cleaned one, so that models with different tokenizers compare.
 *
 * @param tokens ids without special tokens
 * @param words pieces of the original page between runs of white space
 * @param bytes UTF-8 length of the original page
 */
public record Document(int[] tokens, long words, long bytes) {
  private static final Pattern WHITE_SPACE =
      Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);

  /** Cleans and tokenizes a page. */
  public static Document of(String page, Tokenizer tokenizer) {
    return of(page, tokenizer.encode(WikiTextCleaning.clean(page), false));
  }

  /**
   * A document of an original page and the tokens of {@link WikiTextCleaning#clean}ed text.
   *
   * @param page the page as the data set has it
   * @param tokens tokens of the cleaned page
   */
  public static Document of(String page, int[] tokens) {
    return new Document(
        tokens, WHITE_SPACE.split(page, -1).length, page.getBytes(StandardCharsets.UTF_8).length);
  }
}
