package dev.nibble.eval.encoding;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.Encoder;
import dev.nibble.core.model.EncoderConfig.Head;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.progress.Progress;
import dev.nibble.eval.scoring.Logits;
import dev.nibble.eval.statistics.Estimate;
import dev.nibble.eval.statistics.Sample;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Compares a quantized encoder Q with the original P. Of every text both give a vector of length 1;
 * their cosine, and which other texts are nearest to it under each model, say what retrieval loses.
 * A masked language model is also asked for {@value #MASKED_PERCENT} % of each text's tokens,
 * masked together, and {@code KLD = Σ_v P(v) (log P(v) - log Q(v))} taken there; a classifier for
 * its labels.
 */
public final class EncoderDistance {
  /** Nearest texts that are compared. */
  static final int NEIGHBOURS = 10;

  private static final int MASKED_PERCENT = 15;
  private static final long MASK_SEED = 15;

  private final Encoder original;
  private final Encoder candidate;
  private final int mask;
  private final SplittableRandom random = new SplittableRandom(MASK_SEED);
  private final List<float[]> before = new ArrayList<>();
  private final List<float[]> after = new ArrayList<>();
  private final List<Double> divergences = new ArrayList<>();
  private long sameTop;

  private EncoderDistance(Encoder original, Encoder candidate, int mask) {
    this.original = original;
    this.candidate = candidate;
    this.mask = mask;
  }

  /**
   * Runs both models.
   *
   * @param texts token ids, special ones included, none longer than the models take; at least two
   * @param mask id of the mask token; of use only for a masked language model
   * @param conditions what the texts are, for the report
   * @throws NibbleException if the models differ in kind or size, or there are too few texts
   */
  public static EncoderDistanceResult measure(
      Encoder original,
      Encoder candidate,
      List<int[]> texts,
      int mask,
      String conditions,
      Progress progress) {
    ModelConfig p = original.config();
    ModelConfig q = candidate.config();
    if (p.hiddenSize() != q.hiddenSize()
        || p.vocabSize() != q.vocabSize()
        || !p.encoder().equals(q.encoder())) {
      throw new NibbleException(
          "the encoders differ in width, vocabulary or head and cannot be compared");
    }
    if (texts.size() < 2) {
      throw new NibbleException(
          "an encoder is compared on at least 2 texts, but there is " + texts.size());
    }
    return new EncoderDistance(original, candidate, mask).run(texts, conditions, progress);
  }

  private EncoderDistanceResult run(List<int[]> texts, String conditions, Progress progress) {
    Head head = original.config().encoder().head();
    try (Progress.Task task = progress.start("encoders", texts.size(), "texts")) {
      for (int[] text : texts) {
        before.add(original.embed(text));
        after.add(candidate.embed(text));
        switch (head) {
          case NONE -> {}
          case MASKED_LM -> compareMasked(text);
          case CLASSIFIER -> {
            float[] labels = original.head(text);
            compare(labels, candidate.head(text), 0, labels.length);
          }
        }
        task.advance(1);
      }
    }
    return summary(conditions);
  }

  private EncoderDistanceResult summary(String conditions) {
    int n = before.size();
    double[] cosines = new double[n];
    double[] shared = new double[n];
    int nearest = 0;
    for (int i = 0; i < n; i++) {
      cosines[i] = dot(before.get(i), after.get(i));
      int[] p = neighbours(before, i);
      int[] q = neighbours(after, i);
      nearest += p[0] == q[0] ? 1 : 0;
      shared[i] = overlap(p, q);
    }
    Sample cosine = new Sample(cosines);
    Estimate none = new Estimate(Double.NaN, Double.NaN);
    boolean heads = !divergences.isEmpty();
    Sample kld = new Sample(divergences.stream().mapToDouble(Double::doubleValue).toArray());
    return new EncoderDistanceResult(
        conditions,
        n,
        Estimate.mean(cosine),
        cosine.min(),
        Estimate.share(nearest, n),
        Estimate.mean(new Sample(shared)),
        divergences.size(),
        heads ? Estimate.mean(kld) : none,
        heads ? Estimate.share(sameTop, divergences.size()) : none);
  }

  /** Masks some tokens between the first and the last, at least one, and compares there. */
  private void compareMasked(int[] text) {
    if (text.length < 3) {
      return;
    }
    int[] masked = text.clone();
    List<Integer> places = new ArrayList<>();
    for (int i = 1; i < text.length - 1; i++) {
      if (random.nextInt(100) < MASKED_PERCENT) {
        places.add(i);
      }
    }
    if (places.isEmpty()) {
      places.add(1 + random.nextInt(text.length - 2));
    }
    places.forEach(i -> masked[i] = mask);
    float[] p = original.head(masked);
    float[] q = candidate.head(masked);
    int vocab = original.config().vocabSize();
    places.forEach(i -> compare(p, q, i * vocab, vocab));
  }

  private void compare(float[] p, float[] q, int offset, int size) {
    double sumP = Logits.logSumExp(p, offset, size);
    double sumQ = Logits.logSumExp(q, offset, size);
    double kld = 0;
    for (int v = offset; v < offset + size; v++) {
      double logP = p[v] - sumP;
      kld += Math.exp(logP) * (logP - (q[v] - sumQ));
    }
    if (!Double.isFinite(kld)) {
      throw new NibbleException("a prediction of one of the encoders is not finite");
    }
    divergences.add(kld);
    sameTop += Logits.argmax(p, offset, size) == Logits.argmax(q, offset, size) ? 1 : 0;
  }

  /** The nearest other texts, nearest first; of equally near ones the earlier. */
  private static int[] neighbours(List<float[]> vectors, int query) {
    int count = Math.min(NEIGHBOURS, vectors.size() - 1);
    int[] best = new int[count];
    double[] scores = new double[count];
    int held = 0;
    for (int i = 0; i < vectors.size(); i++) {
      if (i == query) {
        continue;
      }
      double score = dot(vectors.get(query), vectors.get(i));
      int at = held < count ? held++ : count;
      while (at > 0 && score > scores[at - 1]) {
        if (at < count) {
          scores[at] = scores[at - 1];
          best[at] = best[at - 1];
        }
        at--;
      }
      if (at < count) {
        scores[at] = score;
        best[at] = i;
      }
    }
    return best;
  }

  private static double overlap(int[] a, int[] b) {
    int shared = 0;
    for (int x : a) {
      for (int y : b) {
        shared += x == y ? 1 : 0;
      }
    }
    return (double) shared / a.length;
  }

  static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }
}
