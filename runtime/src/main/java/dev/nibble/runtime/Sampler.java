package dev.nibble.runtime;

import java.util.SplittableRandom;

/**
 * Draws tokens from logits. Keeps the latest tokens for the repetition penalty. Allocates nothing
 * after construction; not safe for concurrent use.
 */
public final class Sampler {
  private final Sampling sampling;
  private final SplittableRandom random;
  private final float[] weights;
  private final int[] heap;
  private final int[] recent;
  private int seen;

  /** A sampler for logits of {@code vocabSize} values. */
  public Sampler(Sampling sampling, int vocabSize) {
    this.sampling = sampling;
    this.random = new SplittableRandom(sampling.seed());
    this.weights = new float[vocabSize];
    this.heap = new int[vocabSize];
    this.recent = new int[sampling.repetitionWindow()];
  }

  /** Counts a token of the prompt among the recent ones. */
  public void accept(int token) {
    if (recent.length > 0) {
      recent[seen++ % recent.length] = token;
      if (seen == 2 * recent.length) {
        seen = recent.length;
      }
    }
  }

  /**
   * The next token, which also becomes a recent one. Ties go to the lower id.
   *
   * @param logits {@code vocabSize} values from {@code offset}; not changed
   */
  public int next(float[] logits, int offset) {
    System.arraycopy(logits, offset, weights, 0, weights.length);
    penalize();
    int token = sampling.temperature() == 0 ? best() : draw();
    accept(token);
    return token;
  }

  private void penalize() {
    float penalty = (float) sampling.repetitionPenalty();
    if (penalty == 1f) {
      return;
    }
    int count = Math.min(seen, recent.length);
    for (int i = 0; i < count; i++) {
      int token = recent[i];
      if (!listed(token, i)) {
        weights[token] = weights[token] > 0 ? weights[token] / penalty : weights[token] * penalty;
      }
    }
  }

  private boolean listed(int token, int before) {
    for (int i = 0; i < before; i++) {
      if (recent[i] == token) {
        return true;
      }
    }
    return false;
  }

  private int best() {
    int best = 0;
    for (int i = 1; i < weights.length; i++) {
      if (weights[i] > weights[best]) {
        best = i;
      }
    }
    return best;
  }

  private int draw() {
    double max = weights[best()];
    double total = 0;
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) Math.exp((weights[i] - max) / sampling.temperature());
      total += weights[i];
    }
    int kept = keep(total);
    double mass = 0;
    for (int i = 0; i < kept; i++) {
      mass += weights[heap[heap.length - 1 - i]];
    }
    double at = random.nextDouble() * mass;
    for (int i = 0; i < kept; i++) {
      at -= weights[heap[heap.length - 1 - i]];
      if (at < 0) {
        return heap[heap.length - 1 - i];
      }
    }
    return heap[heap.length - kept];
  }

  /**
   * Pops tokens off a heap into the end of its array, most likely last, until a limit is reached.
   *
   * @return how many were kept, at least 1
   */
  private int keep(double total) {
    int n = heap.length;
    for (int i = 0; i < n; i++) {
      heap[i] = i;
    }
    for (int i = n / 2 - 1; i >= 0; i--) {
      sink(i, n);
    }
    int most = sampling.topK() == 0 ? n : Math.min(n, sampling.topK());
    double floor = sampling.minP();
    double enough = sampling.topP() * total;
    double mass = 0;
    int kept = 0;
    while (kept < most && (kept == 0 || (mass < enough && weights[heap[0]] >= floor))) {
      int top = heap[0];
      mass += weights[top];
      int last = n - 1 - kept;
      heap[0] = heap[last];
      heap[last] = top;
      kept++;
      sink(0, last);
    }
    return kept;
  }

  private void sink(int i, int n) {
    int item = heap[i];
    while (2 * i + 1 < n) {
      int child = 2 * i + 1;
      if (child + 1 < n && before(heap[child + 1], heap[child])) {
        child++;
      }
      if (!before(heap[child], item)) {
        break;
      }
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = item;
  }

  private boolean before(int a, int b) {
    return weights[a] > weights[b] || (weights[a] == weights[b] && a < b);
  }
}
