package dev.nibble.eval.divergence;

import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.scoring.Logits;
import dev.nibble.eval.scoring.Window;
import java.util.Arrays;
import java.util.List;

/**
 * What the original model predicts on some windows: computed on the fly ({@link #live}), which is
 * exact, or read from a file ({@link BaselineFile}, {@link LlamaLogitsFile}), which lets the
 * original be closed before the quantized model is opened.
 */
public interface Baseline extends AutoCloseable {

  /** How many of the most likely tokens {@link Row} names. */
  int TOP = 5;

  /** Length of a row. */
  int vocabSize();

  /** The windows, in order. */
  List<Window> windows();

  /** Makes the rows of window {@code index} readable; those of another window no longer are. */
  void load(int index);

  /** Reads the row of target {@code target} of the loaded window; thread-safe. */
  void read(int target, Row into);

  @Override
  void close();

  /**
   * A baseline that runs the original model window by window, next to the quantized one. Closing it
   * leaves the model open.
   *
   * @param model the original; no other call may run on it meanwhile
   */
  static Baseline live(LanguageModel model, List<Window> windows, Workers workers) {
    return new LiveBaseline(model, windows, workers);
  }

  /** One position's prediction; a buffer that is filled again and again. */
  final class Row {
    /** Logits (or log-probabilities up to a constant) of all tokens. */
    final float[] logits;

    /** The most likely tokens in falling order, exact even where {@code logits} is rounded. */
    final int[] top = new int[TOP];

    /** Softmax of {@link #logits}. */
    final double[] probabilities;

    /** Logarithm of the sum of the exponentials of {@link #logits}; NaN if they are not finite. */
    double logSum;

    /** Log-probability of the true token; NaN when the original's logits were not finite. */
    double targetLogProb;

    Row(int vocabSize) {
      logits = new float[vocabSize];
      probabilities = new double[vocabSize];
    }

    /** Derives the distribution from {@link #logits}. */
    void normalize() {
      logSum = Logits.softmax(logits, 0, logits.length, probabilities);
    }

    /** Derives all other fields from {@link #logits}. */
    void describe(int target) {
      normalize();
      targetLogProb = logits[target] - logSum;
      Arrays.fill(top, -1);
      if (!Double.isNaN(logSum)) {
        int[] found = Logits.top(logits, 0, logits.length, TOP);
        System.arraycopy(found, 0, top, 0, found.length);
      }
    }
  }
}
