package dev.nibble.eval;

import dev.nibble.core.model.LanguageModel;
import java.util.Arrays;
import java.util.SplittableRandom;

/** A model given by a function of the context; counts its calls. */
public final class FakeModel implements LanguageModel {
  private final int vocab;
  private final int context;
  private final Rows rows;
  public int calls;

  /** Logits of one position. */
  @FunctionalInterface
  public interface Rows {
    /** Fills {@code row} with the logits after {@code tokens[0..position]}. */
    void fill(int[] tokens, int position, float[] row);
  }

  public FakeModel(int vocab, int context, Rows rows) {
    this.vocab = vocab;
    this.context = context;
    this.rows = rows;
  }

  /** All tokens equally likely. */
  public static FakeModel uniform(int vocab, int context) {
    return new FakeModel(vocab, context, (tokens, position, row) -> Arrays.fill(row, 0.25f));
  }

  /** The next token depends on the last one alone. */
  public static FakeModel bigram(float[][] logits, int context) {
    return new FakeModel(
        logits.length,
        context,
        (tokens, position, row) ->
            System.arraycopy(logits[tokens[position]], 0, row, 0, row.length));
  }

  /** Pseudo-random logits that depend on the whole context, plus noise of another seed. */
  public static FakeModel random(int vocab, int context, long seed, double noise, long noiseSeed) {
    return new FakeModel(
        vocab,
        context,
        (tokens, position, row) -> {
          long hash = Arrays.hashCode(Arrays.copyOf(tokens, position + 1));
          SplittableRandom base = new SplittableRandom(seed * 31 + hash);
          SplittableRandom extra = new SplittableRandom(noiseSeed * 31 + hash);
          for (int v = 0; v < row.length; v++) {
            row[v] = (float) (3 * base.nextDouble(-1, 1) + noise * extra.nextDouble(-1, 1));
          }
        });
  }

  @Override
  public int vocabSize() {
    return vocab;
  }

  @Override
  public int contextLength() {
    return context;
  }

  @Override
  public void logits(int[] tokens, int from, LogitsSink sink) {
    calls++;
    float[] row = new float[vocab];
    for (int p = from; p < tokens.length; p++) {
      rows.fill(tokens, p, row);
      sink.accept(p, row, 0);
    }
  }

  @Override
  public void close() {}
}
