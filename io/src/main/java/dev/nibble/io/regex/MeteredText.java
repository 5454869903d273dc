package dev.nibble.io.regex;

import java.util.function.Supplier;

/**
 * A text that a matcher may look at a limited number of times, which bounds the work of an
 * expression that backtracks. For one matcher on one thread.
 */
public final class MeteredText implements CharSequence {
  private final String text;
  private final Supplier<? extends RuntimeException> tooHard;
  private long left;

  /**
   * Wraps a text.
   *
   * @param steps characters that may be looked at
   * @param tooHard makes the exception thrown when more are
   */
  public MeteredText(String text, long steps, Supplier<? extends RuntimeException> tooHard) {
    this.text = text;
    this.left = steps;
    this.tooHard = tooHard;
  }

  @Override
  public char charAt(int index) {
    if (--left < 0) {
      throw tooHard.get();
    }
    return text.charAt(index);
  }

  @Override
  public int length() {
    return text.length();
  }

  @Override
  public CharSequence subSequence(int start, int end) {
    return text.subSequence(start, end);
  }

  @Override
  public String toString() {
    return text;
  }
}
