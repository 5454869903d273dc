package dev.nibble.eval.tasks;

import dev.nibble.core.NibbleException;
import dev.nibble.eval.statistics.Estimate;
import dev.nibble.eval.statistics.McNemar;

/**
 * The same task on two models, item by item.
 *
 * @param items items that both could be scored on
 * @param flips share of them whose answer or correctness changed
 * @param test items that only the original, or only the other, gets right
 */
public record TaskComparison(long items, Estimate flips, McNemar test) {

  /**
   * Compares two results of one task.
   *
   * @throws NibbleException if they are not of the same task under the same conditions
   */
  public static TaskComparison of(TaskResult base, TaskResult other) {
    if (!base.task().equals(other.task())
        || base.version() != other.version()
        || !base.conditions().equals(other.conditions())
        || base.outcomes().size() != other.outcomes().size()) {
      throw new NibbleException(
          "results of %s v%d (%s) and %s v%d (%s) cannot be compared"
              .formatted(
                  base.task(),
                  base.version(),
                  base.conditions(),
                  other.task(),
                  other.version(),
                  other.conditions()));
    }
    int items = 0;
    int flips = 0;
    int onlyBase = 0;
    int onlyOther = 0;
    for (int i = 0; i < base.outcomes().size(); i++) {
      TaskResult.Outcome a = base.outcomes().get(i);
      TaskResult.Outcome b = other.outcomes().get(i);
      if (a.error() || b.error()) {
        continue;
      }
      items++;
      flips += a.right() != b.right() || a.chosen() != b.chosen() ? 1 : 0;
      onlyBase += a.right() && !b.right() ? 1 : 0;
      onlyOther += b.right() && !a.right() ? 1 : 0;
    }
    Estimate share =
        items == 0 ? new Estimate(Double.NaN, Double.NaN) : Estimate.share(flips, items);
    return new TaskComparison(items, share, new McNemar(onlyBase, onlyOther));
  }
}
