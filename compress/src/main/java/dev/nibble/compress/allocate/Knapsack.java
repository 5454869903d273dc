package dev.nibble.compress.allocate;

import dev.nibble.core.NibbleException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Spends a budget where it lowers the sum of predicted errors most: the exact choice by {@link
 * ChoiceProblem}, then whatever single raise still fits, so that the budget is used up.
 */
final class Knapsack {
  private static final int FRONTIER = 24;

  private final Choices choices;
  private final double[][] errors;
  private final List<ChoiceProblem.Limit> limits;

  /**
   * @param errors {@code [units][levels]}; what a larger level predicts above a smaller one's error
   *     is noise and lowered to that
   */
  Knapsack(Choices choices, double[][] errors) {
    this(choices, falling(errors), List.of());
  }

  /**
   * A choice that keeps other limits, too.
   *
   * @param costs {@code [units][levels]}, as they are: a larger level may cost more
   * @param limits that some choice within the budget keeps
   */
  Knapsack(Choices choices, double[][] costs, List<ChoiceProblem.Limit> limits) {
    this.choices = choices;
    this.errors = costs;
    this.limits = List.copyOf(limits);
  }

  /** Errors that never rise with the level. */
  static double[][] falling(double[][] errors) {
    double[][] out = new double[errors.length][];
    for (int u = 0; u < errors.length; u++) {
      out[u] = errors[u].clone();
      for (int l = 1; l < errors[u].length; l++) {
        out[u][l] = Math.min(out[u][l], out[u][l - 1]);
      }
    }
    return out;
  }

  /** Levels of the units under a budget. */
  int[] fill(Budget budget) {
    budget.requireReachable(choices);
    Room room = new Room(choices, budget);
    long capacity = room.capacity();
    for (int attempt = 0; attempt < 8; attempt++) {
      Optional<int[]> choice = solve(capacity);
      if (choice.isEmpty()) {
        break;
      }
      if (room.fits(choice.get())) {
        return raised(choice.get(), room);
      }
      // the header of this choice is longer than that of the smallest levels
      capacity -= Math.max(1, choices.bytes(choice.get()) - budget.capacity(choices, choice.get()));
    }
    return raised(choices.uniform(0), room);
  }

  private Optional<int[]> solve(long capacity) {
    double[][] bytes = new double[errors.length][choices.levels().size()];
    for (int u = 0; u < bytes.length; u++) {
      for (int l = 0; l < bytes[u].length; l++) {
        bytes[u][l] = choices.bytes(u, l);
      }
    }
    ChoiceProblem problem = new ChoiceProblem(errors).limit(bytes, (double) capacity);
    limits.forEach(limit -> problem.limit(limit.use(), limit.most()));
    return problem.solve().map(ChoiceProblem.Solution::options);
  }

  /** Raises the unit with the largest gain for its bytes while any raise fits. */
  private int[] raised(int[] choice, Room room) {
    while (true) {
      int best = -1;
      double most = Double.NEGATIVE_INFINITY;
      for (int u = 0; u < choice.length; u++) {
        if (choice[u] + 1 == choices.levels().size()) {
          continue;
        }
        double gain = errors[u][choice[u]] - errors[u][choice[u] + 1];
        double more = Math.max(1, choices.bytes(u, choice[u] + 1) - choices.bytes(u, choice[u]));
        choice[u]++;
        if (gain >= 0 && gain / more > most && keepsLimits(choice) && room.fits(choice)) {
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

  private boolean keepsLimits(int[] choice) {
    return limits.stream().allMatch(limit -> sum(limit.use(), choice) <= limit.most());
  }

  private static boolean better(AllocationReport.Point point, AllocationReport.Point last) {
    return point.bytes() > last.bytes() && point.predictedError() < last.predictedError();
  }

  /** Sum of the predicted errors. */
  double error(int[] choice) {
    return sum(errors, choice);
  }

  /** Sum of what a choice takes from a table {@code [units][levels]}. */
  static double sum(double[][] table, int[] choice) {
    double sum = 0;
    for (int u = 0; u < choice.length; u++) {
      sum += table[u][choice[u]];
    }
    return sum;
  }

  /** Sizes between all at the smallest and all at the largest level, with the least error each. */
  List<AllocationReport.Point> frontier() {
    long least = choices.bytes(choices.uniform(0));
    long most = choices.bytes(choices.uniform(choices.levels().size() - 1));
    List<AllocationReport.Point> out = new ArrayList<>();
    for (int i = 0; i <= FRONTIER; i++) {
      // closer together where the file is small and bytes count for more
      double share = Math.pow((double) i / FRONTIER, 2);
      solve(least + Math.round(share * (most - least)))
          .map(c -> new AllocationReport.Point(choices.fileBytes(c), error(c)))
          .filter(p -> out.isEmpty() || better(p, out.getLast()))
          .ifPresent(out::add);
    }
    return out;
  }

  /** Refuses errors that are not finite, naming the unit. */
  static double[][] requireFinite(Choices choices, double[][] errors, String step) {
    for (int u = 0; u < errors.length; u++) {
      for (double error : errors[u]) {
        if (!Double.isFinite(error)) {
          throw new NibbleException(
              step
                  + ": the gradients at "
                  + choices.units().get(u).name()
                  + " are not finite; repair the model or calibrate on other text",
              NibbleException.BAD_INPUT,
              null);
        }
      }
    }
    return errors;
  }
}
