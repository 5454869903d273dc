package dev.nibble.compress.allocate;

import java.util.Arrays;

/** Cuts a ranking into classes, or grows the classes under a budget (sheet 01, step 4). */
final class Classes {
  private static final int ROUNDS = 100;

  private Classes() {}

  /**
   * The first {@code fractions[0]} of the order get the largest level, the next {@code
   * fractions[1]} the level below; the rest gets the smallest.
   *
   * @param fractions shares of the units, at most one fewer than there are levels
   */
  static int[] quantile(Choices choices, double[] fractions, int[] order) {
    int[] counts = new int[fractions.length];
    double upTo = 0;
    int before = 0;
    for (int i = 0; i < counts.length; i++) {
      upTo += fractions[i];
      int end = (int) Math.min(order.length, Math.round(upTo * order.length));
      counts[i] = end - before;
      before = end;
    }
    return OrderFill.cut(choices, counts, order);
  }

  /**
   * Clusters of the scores in one dimension (Lloyd's algorithm from evenly spread quantiles), the
   * one with the highest mean at the largest level. Equal scores share a cluster.
   */
  static int[] kmeans(double[] scores, int clusters) {
    double[] sorted = scores.clone();
    Arrays.sort(sorted);
    double[] means = new double[clusters];
    for (int k = 0; k < clusters; k++) {
      means[k] = sorted[(int) ((k + 0.5) * sorted.length / clusters)];
    }
    int[] out = new int[scores.length];
    for (int round = 0; round < ROUNDS; round++) {
      int[] now = new int[scores.length];
      for (int u = 0; u < scores.length; u++) {
        now[u] = nearest(means, scores[u]);
      }
      if (round > 0 && Arrays.equals(now, out)) {
        break;
      }
      out = now;
      move(means, scores, out);
    }
    return out;
  }

  private static int nearest(double[] means, double score) {
    int best = 0;
    for (int k = 1; k < means.length; k++) {
      if (Math.abs(score - means[k]) < Math.abs(score - means[best])) {
        best = k;
      }
    }
    return best;
  }

  private static void move(double[] means, double[] scores, int[] cluster) {
    double[] sums = new double[means.length];
    int[] counts = new int[means.length];
    for (int u = 0; u < scores.length; u++) {
      sums[cluster[u]] += scores[u];
      counts[cluster[u]]++;
    }
    for (int k = 0; k < means.length; k++) {
      if (counts[k] > 0) {
        means[k] = sums[k] / counts[k];
      }
    }
  }

  /**
   * Starts with all units at the smallest level and raises, by one level at a time, the unit whose
   * score times the fall of its rounding error is largest for the bytes, until nothing fits.
   *
   * @param errors rounding error of each unit at each level
   */
  static int[] greedy(Choices choices, Budget budget, double[] scores, double[][] errors) {
    budget.requireReachable(choices);
    Room room = new Room(choices, budget);
    int[] choice = choices.uniform(0);
    while (true) {
      int best = -1;
      double most = Double.NEGATIVE_INFINITY;
      for (int u = 0; u < choice.length; u++) {
        int level = choice[u];
        if (level + 1 == choices.levels().size()) {
          continue;
        }
        double gain = scores[u] * (errors[u][level] - errors[u][level + 1]);
        double more = Math.max(1, choices.bytes(u, level + 1) - choices.bytes(u, level));
        choice[u]++;
        if (gain / more > most && room.fits(choice)) {
          most = gain / more;
          best = u;
        }
        choice[u]--;
      }
      if (best < 0) {
        return choice;
      }
      choice[best]++;
    }
  }
}
