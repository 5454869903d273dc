package dev.nibble.compress.train;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * A source's training tokens, documents separated by the document token, handed out as windows.
 * Each pass over the stream starts at another offset and visits its windows in another order; a
 * window is a pure function of its number, so a count is all that a checkpoint needs.
 */
final class TokenStream {
  private final int[] tokens;
  private final int window;
  private final long seed;
  private long pass = -1;
  private int[] order = {};
  private int offset;

  /**
   * @param tokens the stream; repeated when shorter than two windows
   * @param window tokens a window, one more than the sequence length
   */
  TokenStream(int[] tokens, int window, long seed) {
    int[] all = tokens;
    while (all.length < 2 * window) {
      all = Arrays.copyOf(all, Math.max(1, all.length) * 2);
      System.arraycopy(all, 0, all, all.length / 2, all.length / 2);
    }
    this.tokens = all;
    this.window = window;
    this.seed = seed;
  }

  /** Tokens of one pass. */
  int length() {
    return tokens.length;
  }

  /** Windows of one pass: neighbours share one token, the last of one and first of the next. */
  int windowsPerPass() {
    return (tokens.length - window) / (window - 1);
  }

  /** Window {@code number}, counted from 0 over all passes. */
  int[] window(long number) {
    int count = windowsPerPass();
    prepare(number / count, count);
    int from = offset + order[(int) (number % count)] * (window - 1);
    return Arrays.copyOfRange(tokens, from, from + window);
  }

  private void prepare(long wanted, int count) {
    if (wanted == pass) {
      return;
    }
    SplittableRandom random = new SplittableRandom(seed + 0x9e3779b97f4a7c15L * (wanted + 1));
    offset = random.nextInt(Math.min(window, tokens.length - window - (count - 1) * (window - 1)));
    order = new int[count];
    for (int i = 0; i < count; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    pass = wanted;
  }
}
