package dev.nibble.runtime.decoder;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.MoeConfig;

/**
 * Chooses the experts of each token from router logits: scores over all experts, the {@code topK}
 * best (of equal ones the first), normalised if the model does so. Works in arrays of its own and
 * allocates nothing once they have their size.
 */
final class Router {
  private final MoeConfig moe;
  private float[] logits = {};
  private int[] chosen = {};
  private float[] weights = {};
  private final int[] starts;
  private int[] places = {};

  Router(MoeConfig moe) {
    this.moe = moe;
    this.starts = new int[moe.experts() + 1];
  }

  /** Room for that many tokens. */
  void reserve(int count) {
    logits = new float[count * moe.experts()];
    chosen = new int[count * moe.topK()];
    weights = new float[chosen.length];
    places = new int[chosen.length];
  }

  /** Where the logits {@code [tokens, experts]} go. */
  float[] logits() {
    return logits;
  }

  /** Chooses for {@code count} tokens. */
  void choose(int count) {
    for (int t = 0; t < count; t++) {
      scores(t * moe.experts());
      best(t);
    }
    group(count * moe.topK());
  }

  private void scores(int at) {
    int n = moe.experts();
    float max = Float.NEGATIVE_INFINITY;
    for (int e = 0; e < n; e++) {
      if (!Float.isFinite(logits[at + e])) {
        throw new NibbleException(
            "a router logit is not finite, so no expert can be chosen; check the model's weights",
            NibbleException.BAD_INPUT,
            null);
      }
      max = Math.max(max, logits[at + e]);
    }
    boolean sigmoid = moe.scoring() == MoeConfig.Scoring.SIGMOID;
    double sum = 0;
    for (int e = 0; e < n; e++) {
      double x = logits[at + e];
      double score = sigmoid ? 1 / (1 + Math.exp(-x)) : Math.exp(x - max);
      logits[at + e] = (float) score;
      sum += score;
    }
    for (int e = 0; e < n && !sigmoid; e++) {
      logits[at + e] = (float) (logits[at + e] / sum);
    }
  }

  private void best(int token) {
    int from = token * moe.experts();
    int to = token * moe.topK();
    float sum = 0;
    for (int j = 0; j < moe.topK(); j++) {
      int best = -1;
      for (int e = 0; e < moe.experts(); e++) {
        if (best < 0 || logits[from + e] > logits[from + best]) {
          best = e;
        }
      }
      chosen[to + j] = best;
      weights[to + j] = logits[from + best];
      sum += logits[from + best];
      logits[from + best] = -1; // scores are not negative
    }
    float scale = (float) moe.routedScale() / (moe.normTopK() ? sum : 1);
    for (int j = 0; j < moe.topK(); j++) {
      weights[to + j] *= scale;
    }
  }

  /** Sorts the choices by expert, tokens ascending. */
  private void group(int choices) {
    java.util.Arrays.fill(starts, 0);
    for (int p = 0; p < choices; p++) {
      starts[chosen[p] + 1]++;
    }
    for (int e = 0; e < moe.experts(); e++) {
      starts[e + 1] += starts[e];
    }
    for (int p = 0; p < choices; p++) {
      places[starts[chosen[p]]++] = p;
    }
    System.arraycopy(starts, 0, starts, 1, moe.experts());
    starts[0] = 0;
  }

  /** Tokens of an expert. */
  int count(int expert) {
    return starts[expert + 1] - starts[expert];
  }

  /** The {@code i}-th token of an expert. */
  int token(int expert, int i) {
    return places[starts[expert] + i] / moe.topK();
  }

  /** Weight of an expert for its {@code i}-th token. */
  float weight(int expert, int i) {
    return weights[places[starts[expert] + i]];
  }
}
