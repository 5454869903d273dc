package dev.nibble.eval.divergence;

import dev.nibble.core.NibbleException;
import dev.nibble.eval.statistics.Estimate;
import dev.nibble.eval.statistics.Sample;
import java.util.Arrays;
import java.util.stream.IntStream;

/** Scores of all positions; each slot is written once, by any thread. */
final class PairScores {
  private final double[] kld;
  private final double[] nllBase;
  private final double[] nllQuantized;
  private final double[] topShare;
  private final boolean[] sameTop;

  PairScores(int positions) {
    kld = new double[positions];
    nllBase = new double[positions];
    nllQuantized = new double[positions];
    topShare = new double[positions];
    sameTop = new boolean[positions];
  }

  void error(int slot) {
    kld[slot] = Double.NaN;
  }

  void set(int slot, double divergence, double base, double quantized, boolean same, double share) {
    kld[slot] = divergence;
    nllBase[slot] = base;
    nllQuantized[slot] = quantized;
    sameTop[slot] = same;
    topShare[slot] = share;
  }

  DivergenceResult summarize(String conditions, int windows) {
    int[] good = IntStream.range(0, kld.length).filter(i -> !Double.isNaN(kld[i])).toArray();
    if (good.length == 0) {
      throw new NibbleException(
          "no position has finite logits in both models; the quantized model is broken or the"
              + " windows are empty");
    }
    Sample divergence = pick(kld, good);
    Sample base = pick(nllBase, good);
    Sample quantized = pick(nllQuantized, good);
    // paired: the variance of the differences is var P + var Q - 2 cov
    Sample ratio =
        new Sample(Arrays.stream(good).mapToDouble(i -> nllQuantized[i] - nllBase[i]).toArray());
    Sample change =
        new Sample(
            Arrays.stream(good)
                .mapToDouble(i -> Math.exp(-nllQuantized[i]) - Math.exp(-nllBase[i]))
                .toArray());
    long same = Arrays.stream(good).filter(i -> sameTop[i]).count();
    return new DivergenceResult(
        conditions,
        windows,
        good.length,
        kld.length - good.length,
        Estimate.mean(divergence),
        Percentiles.of(divergence),
        divergence.max(),
        Histogram.of(divergence),
        Estimate.share(same, good.length),
        Estimate.mean(pick(topShare, good)),
        Estimate.mean(change),
        change.rootMeanSquare(),
        Percentiles.of(change),
        Estimate.mean(ratio),
        perplexity(base),
        perplexity(quantized));
  }

  private static Sample pick(double[] values, int[] good) {
    return new Sample(Arrays.stream(good).mapToDouble(i -> values[i]).toArray());
  }

  private static Estimate perplexity(Sample nll) {
    double value = Math.exp(nll.mean());
    return new Estimate(value, value * nll.standardError());
  }
}
