package dev.nibble.eval.scoring;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.work.Workers;

/**
 * Reads a model's logits rows and hands them out in parallel. Rows are collected in blocks, so
 * memory is bounded by a block whatever the length of the window; each row's result must go to the
 * slot of its index.
 */
public final class RowPass {
  /** Bytes of a block of rows. */
  private static final long BLOCK_BYTES = 16L << 20;

  private final LanguageModel model;
  private final Workers workers;
  private final int vocab;
  private final int blockRows;
  private final float[] block;

  /** Receives one row; called from several threads. */
  @FunctionalInterface
  public interface RowTask {
    /**
     * @param target index of the scored token within the window
     * @param row logits in {@code row[offset .. offset + vocabSize)}, valid during the call
     */
    void score(int target, float[] row, int offset);
  }

  /** A pass over {@code model}; one at a time. */
  public RowPass(LanguageModel model, Workers workers) {
    this.model = model;
    this.workers = workers;
    this.vocab = model.vocabSize();
    this.blockRows = workers.threads() == 1 ? 0 : Math.clamp(BLOCK_BYTES / (4L * vocab), 1, 256);
    this.block = new float[Math.multiplyExact(blockRows, vocab)];
  }

  /**
   * Runs the window and scores all its targets.
   *
   * @throws NibbleException if the window is longer than the model's context or names a token
   *     outside its vocabulary
   */
  public void run(Window window, RowTask task) {
    check(window);
    if (blockRows == 0) {
      model.logits(
          window.input(),
          window.from(),
          (position, row, offset) -> task.score(position - window.from(), row, offset));
      return;
    }
    int[] held = {0};
    model.logits(
        window.input(),
        window.from(),
        (position, row, offset) -> {
          System.arraycopy(row, offset, block, held[0] * vocab, vocab);
          int next = position - window.from() + 1;
          if (++held[0] == blockRows || next == window.targets().length) {
            int first = next - held[0];
            workers.forEach(held[0], i -> task.score(first + i, block, i * vocab));
            held[0] = 0;
          }
        });
  }

  private void check(Window window) {
    if (window.input().length > model.contextLength()) {
      throw new NibbleException(
          "the window of %d tokens is longer than the model's context of %d; choose a shorter one"
              .formatted(window.input().length, model.contextLength()));
    }
    for (int[] tokens : new int[][] {window.input(), window.targets()}) {
      for (int token : tokens) {
        if (token < 0 || token >= vocab) {
          throw new NibbleException(
              "token id %d is outside the model's vocabulary of %d; is this the model's tokenizer?"
                  .formatted(token, vocab));
        }
      }
    }
  }
}
