package dev.nibble.compress.allocate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Takes one option for each item so that the costs add up to the least under limits on other sums:
 * the multiple-choice knapsack with several limits (sheet 49, step 4)
 *
 * <pre>
 *   min Σᵢ cost[i][xᵢ]   subject to   Σᵢ use_k[i][xᵢ] ≤ most_k  for every k
 * </pre>
 *
 * The prices λ of the limits come from the dual of the linear relaxation ({@link Prices}). With
 * them the items are independent, {@code min cost + λ·use} bounds every completion from below, and
 * most options are ruled out at once; what is left is searched depth first. The result is optimal
 * unless {@value #NODES} nodes were not enough, which takes more than some fifty items; then it is
 * known how much better another could be. It is the same in every run.
 */
final class ChoiceProblem {
  private static final int NODES = 1_000_000;
  private static final double TOLERANCE = 1e-9;

  private final double[][] cost;
  private final List<Limit> limits = new ArrayList<>();

  /** A limit on a sum. */
  record Limit(double[][] use, double most) {}

  /**
   * The choice that was found.
   *
   * @param options option of each item
   * @param cost sum of the costs
   * @param gap no other choice costs less than {@code cost - gap}
   */
  record Solution(int[] options, double cost, double gap) {}

  /**
   * @param cost finite, {@code [items][options]}
   */
  ChoiceProblem(double[][] cost) {
    this.cost = cost;
  }

  /** Adds a limit on non-negative uses. */
  ChoiceProblem limit(double[][] use, double most) {
    limits.add(new Limit(use, most));
    return this;
  }

  /** The best choice; empty when no choice keeps all limits. */
  Optional<Solution> solve() {
    double[] prices = Prices.of(cost, limits);
    Search search = new Search(reduced(prices), prices);
    search.start();
    search.descend(0, 0);
    return Optional.ofNullable(search.best)
        .map(best -> new Solution(best, sum(best), search.gap()));
  }

  /** {@code cost + λ·use}. */
  private double[][] reduced(double[] prices) {
    double[][] out = new double[cost.length][];
    for (int i = 0; i < out.length; i++) {
      out[i] = cost[i].clone();
      for (int k = 0; k < prices.length; k++) {
        for (int j = 0; j < out[i].length; j++) {
          out[i][j] += prices[k] * limits.get(k).use()[i][j];
        }
      }
    }
    return out;
  }

  private double sum(int[] options) {
    double sum = 0;
    for (int i = 0; i < options.length; i++) {
      sum += cost[i][options[i]];
    }
    return sum;
  }

  /** Depth-first search, the items with the most to lose first. */
  private final class Search {
    private final double[][] reduced;
    private final int[][] ascending;
    private final int[] items;
    private final double[] restBound;
    private final double[][] restLeast;
    private final double priced;
    private final int[] options;
    private final double[] used;
    private int[] best;
    private double bestCost = Double.POSITIVE_INFINITY;
    private long nodes;

    Search(double[][] reduced, double[] prices) {
      this.reduced = reduced;
      this.ascending = Arrays.stream(reduced).map(ChoiceProblem::ascending).toArray(int[][]::new);
      int n = reduced.length;
      this.items =
          IntStream.range(0, n)
              .boxed()
              .sorted(Comparator.comparingDouble((Integer i) -> -spread(reduced[i])))
              .mapToInt(i -> i)
              .toArray();
      this.options = new int[n];
      this.used = new double[limits.size()];
      double paid = 0;
      for (int k = 0; k < prices.length; k++) {
        paid += prices[k] * limits.get(k).most();
      }
      this.priced = paid;
      this.restBound = new double[n + 1];
      this.restLeast = new double[limits.size()][n + 1];
      for (int at = n - 1; at >= 0; at--) {
        restBound[at] = restBound[at + 1] + min(reduced[items[at]]);
        for (int k = 0; k < limits.size(); k++) {
          restLeast[k][at] = restLeast[k][at + 1] + min(limits.get(k).use()[items[at]]);
        }
      }
    }

    private static double spread(double[] values) {
      return Arrays.stream(values).max().orElse(0) - min(values);
    }

    /** What the best choice could lack; 0 when the search came to its end. */
    double gap() {
      return nodes < NODES ? 0 : Math.max(0, bestCost - (restBound[0] - priced));
    }

    /** A first choice: what the prices say, mended until it keeps the limits, then improved. */
    void start() {
      int[] choice = new int[reduced.length];
      for (int i = 0; i < choice.length; i++) {
        choice[i] = ascending[i][0];
      }
      if (mend(choice)) {
        improve(choice);
        best = choice;
        bestCost = sum(choice);
      }
    }

    private boolean mend(int[] choice) {
      while (excess(choice) > 0) {
        double least = Double.POSITIVE_INFINITY;
        int item = -1;
        int option = -1;
        for (int i = 0; i < choice.length; i++) {
          int was = choice[i];
          double before = excess(choice);
          for (int j = 0; j < reduced[i].length; j++) {
            choice[i] = j;
            double gain = before - excess(choice);
            double price = (reduced[i][j] - reduced[i][was] + TOLERANCE) / gain;
            if (gain > 0 && price < least) {
              least = price;
              item = i;
              option = j;
            }
          }
          choice[i] = was;
        }
        if (item < 0) {
          return false;
        }
        choice[item] = option;
      }
      return true;
    }

    private void improve(int[] choice) {
      boolean again = true;
      while (again) {
        again = false;
        for (int i : items) {
          int was = choice[i];
          for (int j = 0; j < cost[i].length; j++) {
            int now = choice[i];
            choice[i] = j;
            if (cost[i][j] >= cost[i][now] || excess(choice) > 0) {
              choice[i] = now;
            }
          }
          again |= choice[i] != was;
        }
      }
    }

    /** How far the limits are exceeded, in shares of each. */
    private double excess(int[] choice) {
      double sum = 0;
      for (Limit limit : limits) {
        double use = 0;
        for (int i = 0; i < choice.length; i++) {
          use += limit.use()[i][choice[i]];
        }
        sum += Math.max(0, use - limit.most()) / Math.max(Math.abs(limit.most()), 1e-300);
      }
      return sum;
    }

    /**
     * @param at items decided
     * @param bound sum of their reduced costs
     */
    void descend(int at, double bound) {
      if (nodes >= NODES || hopeless(at, bound)) {
        return;
      }
      nodes++;
      if (at == items.length) {
        double total = sum(options);
        if (total < bestCost) {
          bestCost = total;
          best = options.clone();
        }
        return;
      }
      int item = items[at];
      for (int option : ascending[item]) {
        options[item] = option;
        add(item, option, 1);
        descend(at + 1, bound + reduced[item][option]);
        add(item, option, -1);
      }
    }

    private boolean hopeless(int at, double bound) {
      double least = bound + restBound[at] - priced;
      if (least >= bestCost - TOLERANCE * Math.abs(bestCost)) {
        return true;
      }
      for (int k = 0; k < used.length; k++) {
        double most = limits.get(k).most();
        if (used[k] + restLeast[k][at] > most + TOLERANCE * Math.abs(most)) {
          return true;
        }
      }
      return false;
    }

    private void add(int item, int option, int sign) {
      for (int k = 0; k < used.length; k++) {
        used[k] += sign * limits.get(k).use()[item][option];
      }
    }
  }

  private static double min(double[] values) {
    return Arrays.stream(values).min().orElse(0);
  }

  private static int[] ascending(double[] values) {
    return IntStream.range(0, values.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> values[i]).thenComparingInt(i -> i))
        .mapToInt(i -> i)
        .toArray();
  }
}
