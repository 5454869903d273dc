package dev.nibble.compress.train;

import java.util.List;
import java.util.SplittableRandom;

/**
 * Draws the windows of each step: a source by weight, then that source's next window. Its state is
 * the count of windows taken from each source.
 */
final class BatchSampler {
  private final List<TokenStream> streams;
  private final double[] cumulative;
  private final long seed;
  private final long[] taken;

  BatchSampler(List<TokenStream> streams, double[] weights, long seed, long[] taken) {
    this.streams = streams;
    this.seed = seed;
    this.taken = taken.clone();
    this.cumulative = weights.clone();
    for (int i = 1; i < cumulative.length; i++) {
      cumulative[i] += cumulative[i - 1];
    }
  }

  /** Windows taken so far from each source. */
  long[] taken() {
    return taken.clone();
  }

  /** The windows of step {@code step}; steps must be asked for in order. */
  int[][] batch(int step, int size) {
    SplittableRandom random = new SplittableRandom(seed ^ (0x9e3779b97f4a7c15L * (step + 1)));
    int[][] out = new int[size][];
    for (int i = 0; i < size; i++) {
      double at = random.nextDouble() * cumulative[cumulative.length - 1];
      int source = 0;
      while (source < cumulative.length - 1 && at >= cumulative[source]) {
        source++;
      }
      out[i] = streams.get(source).window(taken[source]++);
    }
    return out;
  }
}
