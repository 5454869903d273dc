package dev.nibble.eval.perplexity;

import java.util.Locale;

/** Where begin-of-sequence tokens stand in the scored text. */
public enum Bos {
  /** As the tokenizer does it: at most one, before the whole text. */
  DEFAULT,
  /** Before every window (Gemma-like models collapse without it). */
  EACH_WINDOW,
  /** Nowhere. */
  NEVER;

  /**
   * Name on the command line and in reports: {@code default}, {@code each-window}, {@code never}.
   */
  public String text() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
