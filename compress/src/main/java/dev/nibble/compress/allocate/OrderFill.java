package dev.nibble.compress.allocate;

import java.util.Arrays;

/** Shares out levels by order of importance alone. */
final class OrderFill {
  private OrderFill() {}

  /**
   * Raises units to the next level, the most important first, while the budget lasts; then again to
   * the level after that. A unit that no longer fits is passed over, so that in the end no single
   * raise fits.
   *
   * @param order units from the most to the least important
   * @return level of each unit
   */
  static int[] fill(Choices choices, Budget budget, int[] order) {
    budget.requireReachable(choices);
    Room room = new Room(choices, budget);
    int[] choice = choices.uniform(0);
    for (int level = 1; level < choices.levels().size(); level++) {
      for (int unit : order) {
        int was = choice[unit];
        choice[unit] = level;
        if (!room.fits(choice)) {
          choice[unit] = was;
        }
      }
    }
    return choice;
  }

  /**
   * The first units of the order get the largest level, the next ones the level below, and so on;
   * what is left gets the smallest.
   *
   * @param counts how many units get each level, from the largest down; at most one fewer than
   *     there are levels
   */
  static int[] cut(Choices choices, int[] counts, int[] order) {
    int[] choice = choices.uniform(0);
    int at = 0;
    for (int i = 0; i < counts.length; i++) {
      int to = Math.min(order.length, at + counts[i]);
      int level = choices.levels().size() - 1 - i;
      Arrays.stream(order, at, to).forEach(unit -> choice[unit] = level);
      at = to;
    }
    return choice;
  }
}
