package dev.nibble.compress.allocate;

/**
 * Answers many times whether a choice fits a budget: by the bytes of the units where that is plain,
 * by the exact size of the file where the difference of two headers could matter.
 */
final class Room {
  /** Bytes by which the header can differ between two choices, for each site. */
  private static final long HEADER = 512;

  private final Choices choices;
  private final Budget budget;
  private final long capacity;
  private final long slack;

  Room(Choices choices, Budget budget) {
    this.choices = choices;
    this.budget = budget;
    this.capacity = budget.capacity(choices, choices.uniform(0));
    this.slack = HEADER * choices.units().stream().mapToLong(u -> u.sites().size()).sum();
  }

  /** Bytes that the units may have together, headers being those of the smallest levels. */
  long capacity() {
    return capacity;
  }

  /** True when the choice keeps within the budget. */
  boolean fits(int[] choice) {
    long used = choices.bytes(choice);
    if (used + slack <= capacity) {
      return true;
    }
    return used - slack <= capacity && budget.fits(choices, choice);
  }
}
