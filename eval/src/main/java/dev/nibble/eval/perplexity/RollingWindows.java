package dev.nibble.eval.perplexity;

import dev.nibble.eval.scoring.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The windows of one document under the {@code harness} protocol: every token is scored once. */
final class RollingWindows {
  private RollingWindows() {}

  /**
   * @param tokens the document, possibly empty
   * @param prefix BOS (or EOS) that predicts the first token
   * @param length tokens per window
   */
  static List<Window> of(int[] tokens, int prefix, int length) {
    int[] all = new int[tokens.length + 1];
    all[0] = prefix;
    System.arraycopy(tokens, 0, all, 1, tokens.length);
    List<Window> windows = new ArrayList<>();
    int predicted = 0;
    while (predicted < tokens.length) {
      int end = Math.min(predicted + length, tokens.length);
      // the first windows are full and have one token of context; a shorter last one reaches back
      int begin = Math.max(0, end - length);
      windows.add(
          new Window(
              Arrays.copyOfRange(all, begin, end),
              predicted - begin,
              Arrays.copyOfRange(tokens, predicted, end)));
      predicted = end;
    }
    return windows;
  }
}
