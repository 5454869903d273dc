package dev.nibble.eval.scoring;

/**
 * One sequence that a model reads from an empty cache, and the tokens it is scored on: the logits
 * at position {@code from + i} predict {@code targets[i]}.
 *
 * @param input token ids, not empty
 * @param from first scored position
 * @param targets true next tokens of positions {@code from} to the last, {@code targets.length ==
 *     input.length - from}
 */
public record Window(int[] input, int from, int[] targets) {

  /** Checks the lengths. */
  public Window {
    if (from < 0 || targets.length == 0 || from + targets.length != input.length) {
      throw new IllegalArgumentException(
          "input " + input.length + ", from " + from + ", targets " + targets.length);
    }
  }
}
