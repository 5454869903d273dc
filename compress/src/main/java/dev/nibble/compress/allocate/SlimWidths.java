package dev.nibble.compress.allocate;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Widths of a linear's groups of columns (SliM-LLM, sheet 10 A): the m most salient get one bit
 * more, the m least salient one less. Only whole groups are moved, so that the mean stays what it
 * is.
 */
final class SlimWidths {
  /** Class of a group that has a bit less, as many, and a bit more, by index of the specs. */
  static final int LESS = 0;

  static final int SAME = 1;
  static final int MORE = 2;

  private final int groups;
  private final int[] order;

  /**
   * @param salience of each group; equal ones stay in order
   * @param whole groups that are not short: all, or all but the last
   * @param reversed least salient first
   */
  SlimWidths(double[] salience, int whole, boolean reversed) {
    this.groups = salience.length;
    this.order =
        IntStream.range(0, whole)
            .boxed()
            .sorted(Comparator.comparingDouble(g -> reversed ? salience[g] : -salience[g]))
            .mapToInt(g -> g)
            .toArray();
  }

  /** Largest m: {@code ⌊K/2⌋ - 1}, and no more than there are whole groups for. */
  int most() {
    return Math.max(0, Math.min(groups / 2 - 1, order.length / 2));
  }

  /** The m-th group to get a bit more, m from 1. */
  int raised(int m) {
    return order[m - 1];
  }

  /** The m-th group to get a bit less, m from 1. */
  int lowered(int m) {
    return order[order.length - m];
  }

  /** Class of each group when m are raised and m lowered. */
  int[] classes(int m) {
    int[] out = new int[groups];
    Arrays.fill(out, SAME);
    for (int i = 1; i <= m; i++) {
      out[raised(i)] = MORE;
      out[lowered(i)] = LESS;
    }
    return out;
  }

  /**
   * Salience of groups: {@code Σ w² · cost} over their columns and all rows.
   *
   * @param w {@code [rows, costs.length]}
   */
  static double[] salience(float[] w, double[] costs, int groupSize) {
    double[] out = new double[Math.ceilDiv(costs.length, groupSize)];
    for (int i = 0; i < w.length; i++) {
      int column = i % costs.length;
      out[column / groupSize] += (double) w[i] * w[i] * costs[column];
    }
    return out;
  }
}
