package dev.nibble.eval.divergence;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.scoring.Logits;
import dev.nibble.eval.scoring.RowPass;
import dev.nibble.eval.scoring.Window;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Compares a quantized model Q with the original P at every scored position: {@code KLD = Σ_v P(v)
 * (log P(v) - log Q(v))} in nats from fp32 logits with double sums. The result does not depend on
 * the number of worker threads.
 */
public final class Divergence {
  private final Baseline baseline;
  private final LanguageModel model;
  private final int vocab;
  private final PairScores scores;
  private final ConcurrentLinkedQueue<Baseline.Row> buffers = new ConcurrentLinkedQueue<>();

  private Divergence(Baseline baseline, LanguageModel model) {
    this.baseline = baseline;
    this.model = model;
    this.vocab = model.vocabSize();
    this.scores =
        new PairScores(baseline.windows().stream().mapToInt(w -> w.targets().length).sum());
  }

  /**
   * Runs {@code model} on the baseline's windows.
   *
   * @param conditions protocol and text, for the report
   * @throws NibbleException if the vocabularies differ, or no position could be compared
   */
  public static DivergenceResult measure(
      Baseline baseline,
      LanguageModel model,
      String conditions,
      Workers workers,
      Progress progress) {
    if (baseline.vocabSize() != model.vocabSize()) {
      throw new NibbleException(
          "the models have different vocabularies (%d and %d tokens) and cannot be compared"
              .formatted(baseline.vocabSize(), model.vocabSize()));
    }
    return new Divergence(baseline, model).run(conditions, workers, progress);
  }

  private DivergenceResult run(String conditions, Workers workers, Progress progress) {
    RowPass pass = new RowPass(model, workers);
    int count = baseline.windows().size();
    int done = 0;
    try (Progress.Task task = progress.start("divergence", count, "windows")) {
      for (int w = 0; w < count; w++) {
        Window window = baseline.windows().get(w);
        baseline.load(w);
        int first = done;
        pass.run(
            window,
            (target, row, offset) -> {
              Baseline.Row base = take();
              baseline.read(target, base);
              compare(first + target, window.targets()[target], base, row, offset);
              buffers.add(base);
            });
        done += window.targets().length;
        task.advance(1);
      }
    }
    return scores.summarize(conditions, count);
  }

  private Baseline.Row take() {
    Baseline.Row row = buffers.poll();
    return row != null ? row : new Baseline.Row(vocab);
  }

  private void compare(int slot, int target, Baseline.Row p, float[] q, int offset) {
    double logSumQ = Logits.logSumExp(q, offset, vocab);
    double targetQ = q[offset + target] - logSumQ;
    double kld = kld(p, q, offset, logSumQ);
    if (!Double.isFinite(p.logSum)
        || !Double.isFinite(kld)
        || !Double.isFinite(p.targetLogProb)
        || !Double.isFinite(targetQ)) {
      scores.error(slot);
      return;
    }
    int[] top = Logits.top(q, offset, vocab, Baseline.TOP);
    int shared = 0;
    for (int a : top) {
      for (int b : p.top) {
        shared += a == b ? 1 : 0;
      }
    }
    scores.set(
        slot, kld, -p.targetLogProb, -targetQ, top[0] == p.top[0], (double) shared / top.length);
  }

  private double kld(Baseline.Row p, float[] q, int offset, double logSumQ) {
    double sum = 0;
    for (int v = 0; v < vocab; v++) {
      double probability = p.probabilities[v];
      if (probability > 0) {
        double logP = p.logits[v] - p.logSum;
        sum += probability * (logP - (q[offset + v] - logSumQ));
      }
    }
    return sum;
  }
}
