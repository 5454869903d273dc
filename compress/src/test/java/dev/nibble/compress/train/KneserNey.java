package dev.nibble.compress.train;

import java.util.List;

/**
 * Interpolated modified Kneser-Ney (Chen, Goodman 1999, section 3) over token ids: the yardstick
 * that a trained network has to beat. The highest order counts occurrences, lower orders count
 * distinct left neighbours; each order has its own three discounts; order 0 is uniform.
 */
final class KneserNey {
  private final int order;
  private final int vocabSize;
  private final int boundary;

  /** Counts of k-grams, index k from 1: occurrences at the top, left neighbours below. */
  private final LongCounts[] grams;

  /** Sum of the counts that follow a context of k - 1 tokens, and how many are 1, 2, 3 or more. */
  private final LongCounts[][] following;

  private final double[][] discounts;

  /**
   * Trains on documents; each is preceded by {@code order - 1} boundary tokens and followed by one.
   */
  KneserNey(int order, int vocabSize, int boundary, List<int[]> documents) {
    this.order = order;
    this.vocabSize = vocabSize;
    this.boundary = boundary;
    this.grams = new LongCounts[order + 1];
    this.following = new LongCounts[order + 1][4];
    this.discounts = new double[order + 1][];
    for (int k = 1; k <= order; k++) {
      grams[k] = new LongCounts();
      for (int i = 0; i < 4; i++) {
        following[k][i] = new LongCounts();
      }
    }
    documents.forEach(d -> count(padded(d)));
    LongCounts[] seen = new LongCounts[order + 1];
    for (int k = 1; k <= order; k++) {
      seen[k] = new LongCounts();
    }
    documents.forEach(d -> contexts(padded(d), seen));
    for (int k = 1; k <= order; k++) {
      discounts[k] = discounts(grams[k]);
    }
  }

  private int[] padded(int[] document) {
    int[] out = new int[document.length + order];
    java.util.Arrays.fill(out, boundary);
    System.arraycopy(document, 0, out, order - 1, document.length);
    return out;
  }

  private static long key(int[] tokens, int from, int to) {
    long hash = 0x9e3779b97f4a7c15L * (to - from + 1);
    for (int i = from; i < to; i++) {
      hash = (hash ^ (tokens[i] + 1)) * 0xbf58476d1ce4e5b9L;
      hash ^= hash >>> 29;
    }
    return hash == 0 ? 1 : hash;
  }

  private void count(int[] tokens) {
    for (int end = order; end <= tokens.length; end++) {
      boolean fresh = grams[order].add(key(tokens, end - order, end), 1) == 1;
      // a gram seen for the first time is a new left neighbour of the gram one shorter
      LongCounts[] lower = grams;
      for (int k = order - 1; k >= 1 && fresh; k--) {
        fresh = lower[k].add(key(tokens, end - k, end), 1) == 1;
      }
    }
  }

  private void contexts(int[] tokens, LongCounts[] seen) {
    for (int end = order; end <= tokens.length; end++) {
      for (int k = order; k >= 1; k--) {
        long gram = key(tokens, end - k, end);
        if (seen[k].add(gram, 1) > 1) {
          break;
        }
        int count = grams[k].get(gram);
        long context = key(tokens, end - k, end - 1);
        following[k][0].add(context, count);
        following[k][Math.min(count, 3)].add(context, 1);
      }
    }
  }

  /** Discounts of counts 1, 2 and 3 or more, at index 1 to 3. */
  private static double[] discounts(LongCounts counts) {
    double[] n = new double[5];
    counts.forEachCount(
        c -> {
          if (c <= 4) {
            n[c]++;
          }
        });
    double y = n[1] / (n[1] + 2 * n[2]);
    double[] out = {0, 0.5, 1, 1.5};
    for (int c = 1; c <= 3; c++) {
      double d = c - (c + 1) * y * n[c + 1] / n[c];
      if (Double.isFinite(d) && d > 0 && d <= c) {
        out[c] = d;
      }
    }
    return out;
  }

  /** Probability of {@code tokens[at]} after what stands before it. */
  private double probability(int[] tokens, int at) {
    double p = 1.0 / vocabSize;
    for (int k = 1; k <= order; k++) {
      long context = key(tokens, at + 1 - k, at);
      double total = following[k][0].get(context);
      if (total == 0) {
        break;
      }
      double[] d = discounts[k];
      double kept = 0;
      for (int c = 1; c <= 3; c++) {
        kept += d[c] * following[k][c].get(context);
      }
      int count = grams[k].get(key(tokens, at + 1 - k, at + 1));
      p = (Math.max(0, count - d[Math.min(count, 3)]) + kept * p) / total;
    }
    return p;
  }

  /** Nats of a document's tokens, without the boundary after it. */
  double nats(int[] document) {
    int[] tokens = padded(document);
    double sum = 0;
    for (int at = order - 1; at < tokens.length - 1; at++) {
      sum -= Math.log(probability(tokens, at));
    }
    return sum;
  }

  /** Sum of probabilities of all tokens after a context; 1 when the model is sound. */
  double total(int[] context) {
    int[] tokens = padded(java.util.Arrays.copyOf(context, context.length + 1));
    int at = order - 1 + context.length;
    double sum = 0;
    for (int token = 0; token < vocabSize; token++) {
      tokens[at] = token;
      sum += probability(tokens, at);
    }
    return sum;
  }
}
