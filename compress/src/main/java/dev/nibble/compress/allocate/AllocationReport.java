package dev.nibble.compress.allocate;

import java.util.List;

/**
 * Why an allocate step decided as it did: one row for each unit, and, where the step weighs error
 * against size, the sizes it could have chosen instead.
 *
 * @param step recipe key of the step
 * @param target what was asked for, as {@code 3.5 bits}
 * @param rows in model order
 * @param frontier from the smallest to the largest; empty when the step has none
 */
public record AllocationReport(String step, String target, List<Row> rows, List<Point> frontier) {

  /** Copies the lists. */
  public AllocationReport {
    rows = List.copyOf(rows);
    frontier = List.copyOf(frontier);
  }

  /**
   * What a unit (a block, a linear) got.
   *
   * @param unit canonical name
   * @param score how much the unit matters by the step's measure; NaN when it was not asked
   * @param rank place by that measure, 1 for what matters most
   * @param level what it is stored as
   * @param bytes stored size
   * @param weights number of weights
   */
  public record Row(String unit, double score, int rank, String level, long bytes, long weights) {

    /** Stored bits for each weight. */
    public double bitsPerWeight() {
      return 8.0 * bytes / weights;
    }
  }

  /**
   * A size that could have been asked for.
   *
   * @param bytes size of the whole file
   * @param predictedError the least sum of the units' errors at that size, in the step's measure
   */
  public record Point(long bytes, double predictedError) {}

  /** Stored bits for each weight over all rows. */
  public double bitsPerWeight() {
    long bytes = rows.stream().mapToLong(Row::bytes).sum();
    return 8.0 * bytes / rows.stream().mapToLong(Row::weights).sum();
  }
}
