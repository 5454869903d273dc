package dev.nibble.runtime;

/**
 * A generated text and what it took.
 *
 * @param text new text without prompt, special tokens and stop text
 * @param promptTokens tokens that were processed before the first new one (those already in the
 *     cache are not counted)
 * @param tokens new tokens
 * @param finish why it ended
 * @param promptSeconds time until the first logits
 * @param tokenSeconds time for all new tokens
 */
public record Generated(
    String text,
    int promptTokens,
    int tokens,
    Finish finish,
    double promptSeconds,
    double tokenSeconds) {

  /** Why a generation ended. */
  public enum Finish {
    /** The model wrote an end token. */
    END,
    /** A stop text appeared. */
    STOP,
    /** The limit on new tokens. */
    LENGTH,
    /** The context is full. */
    CONTEXT,
    /** {@link Session#cancel} was called. */
    CANCELLED
  }

  /** Prompt tokens per second. */
  public double promptRate() {
    return promptSeconds > 0 ? promptTokens / promptSeconds : 0;
  }

  /** New tokens per second. */
  public double tokenRate() {
    return tokenSeconds > 0 ? tokens / tokenSeconds : 0;
  }
}
