package dev.nibble.runtime;

import dev.nibble.core.model.LanguageModel;
import dev.nibble.runtime.decoder.ForwardPass;
import dev.nibble.runtime.decoder.Sequence;

/** Whole sequences through prefill, for evaluation. Closing it leaves the model open. */
final class PrefillModel implements LanguageModel {
  /** Floats of a block of logits rows: 32 MiB. */
  private static final int LOGITS = 8 << 20;

  private final ForwardPass pass;
  private final Sequence sequence;
  private final int chunk;
  private final int vocabSize;
  private final int rowsAtOnce;
  private float[] rows = {};

  PrefillModel(ForwardPass pass, Sequence sequence, int chunk, int vocabSize) {
    this.pass = pass;
    this.sequence = sequence;
    this.chunk = chunk;
    this.vocabSize = vocabSize;
    this.rowsAtOnce = Math.clamp(LOGITS / vocabSize, 1, chunk);
  }

  @Override
  public int vocabSize() {
    return vocabSize;
  }

  @Override
  public int contextLength() {
    return sequence.limit();
  }

  @Override
  public void logits(int[] tokens, int from, LogitsSink sink) {
    synchronized (pass.turn()) {
      sequence.truncate(0);
      for (int at = 0; at < tokens.length; at += chunk) {
        int count = Math.min(chunk, tokens.length - at);
        pass.begin().add(sequence, tokens, at, count, tokens.length, false, () -> false);
        pass.run();
        for (int r = Math.max(at, from); r < at + count; r += rowsAtOnce) {
          int n = Math.min(rowsAtOnce, at + count - r);
          if (rows.length < n * vocabSize) {
            rows = new float[n * vocabSize];
          }
          pass.head(r - at, n, rows);
          for (int i = 0; i < n; i++) {
            sink.accept(r + i, rows, i * vocabSize);
          }
        }
      }
    }
  }

  @Override
  public void close() {}
}
