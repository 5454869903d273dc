package dev.nibble.core.model;

/**
 * Tokens to logits, the view of a model that evaluation needs. One call at a time; the
 * implementation may use several threads inside and returns the same bits for any number of them.
 */
public interface LanguageModel extends AutoCloseable {

  /** Length of a logits row. */
  int vocabSize();

  /** Longest sequence the model accepts. */
  int contextLength();

  /**
   * Runs one sequence from an empty cache and hands over the logits of every position from {@code
   * from} on, in order.
   *
   * @param tokens 1 to {@link #contextLength()} token ids
   * @param from first position whose logits are wanted
   * @param sink receives each position's fp32 logits; the array is reused after the call returns
   */
  void logits(int[] tokens, int from, LogitsSink sink);

  @Override
  void close();

  /** Receiver of logits rows. */
  @FunctionalInterface
  interface LogitsSink {
    /**
     * Logits that predict the token after {@code position}; {@code row[offset .. offset +
     * vocabSize)}.
     */
    void accept(int position, float[] row, int offset);
  }
}
