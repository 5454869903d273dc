package dev.nibble.pipeline.run;

import dev.nibble.models.Torch;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * Calibration sequences cut into batches of a size that depends on nothing but the recipe, so that
 * sums over batches have one order.
 *
 * @param sequences equally long token sequences, in order
 * @param perBatch sequences of a batch; the last one may have fewer
 */
record Batches(int[][] sequences, int perBatch) {
  /** Tokens that a batch should have at least, so that short sequences use the hardware, too. */
  private static final int TOKENS = 2048;

  /** No calibration. */
  static final Batches NONE = new Batches(new int[0][], 1);

  /** The recipe's sequences in batches of about {@value #TOKENS} tokens. */
  static Batches of(int[][] sequences) {
    return sequences.length == 0
        ? NONE
        : new Batches(sequences, sequencesPerBatch(sequences[0].length));
  }

  /** Sequences of {@code length} tokens that go together. */
  static int sequencesPerBatch(int length) {
    return Math.max(1, TOKENS / length);
  }

  /** Number of batches. */
  int count() {
    return Math.ceilDiv(sequences.length, perBatch);
  }

  /** Tokens of a sequence. */
  int length() {
    return sequences.length == 0 ? 0 : sequences[0].length;
  }

  /** Sequences of one batch. */
  int size(int batch) {
    return Math.min(perBatch, sequences.length - batch * perBatch);
  }

  /** Ids {@code int64 [batch, seq]}; the caller frees it. */
  Tensor tokens(int batch) {
    int from = batch * perBatch;
    return Torch.tokens(Arrays.copyOfRange(sequences, from, from + size(batch)));
  }

  /** The first {@code n} batches. */
  Batches first(int n) {
    return new Batches(
        Arrays.copyOf(sequences, Math.min(sequences.length, n * perBatch)), perBatch);
  }
}
