package dev.nibble.eval.tasks;

import dev.nibble.eval.statistics.Estimate;
import java.util.List;

/**
 * Scores of a task.
 *
 * @param task name
 * @param version of its definition
 * @param conditions split, shots, limit, BOS
 * @param scores one per metric, then further averages
 * @param outcomes one per item in data order, by the task's first metric
 */
public record TaskResult(
    String task, int version, String conditions, List<Score> scores, List<Outcome> outcomes) {

  /** Copies the lists. */
  public TaskResult {
    scores = List.copyOf(scores);
    outcomes = List.copyOf(outcomes);
  }

  /**
   * A mean over items.
   *
   * @param metric as {@code acc_norm}; {@code ppl} for perplexity
   * @param value with its standard error
   */
  public record Score(String metric, Estimate value) {}

  /**
   * What became of an item.
   *
   * @param group its subject, or ""
   * @param chosen index of the choice taken, -1 if none is taken
   * @param right whether the item counts as right
   * @param error whether it could not be scored: a logit was not finite, or the tokenizer leaves
   *     the continuation no token of its own
   */
  public record Outcome(String group, int chosen, boolean right, boolean error) {}

  /** Items scored. */
  public long items() {
    return outcomes.stream().filter(o -> !o.error()).count();
  }

  /** Items that could not be scored. */
  public long errors() {
    return outcomes.stream().filter(Outcome::error).count();
  }

  /** The score of a metric. */
  public Estimate score(String metric) {
    return scores.stream()
        .filter(s -> s.metric().equals(metric))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(task + " has no metric " + metric))
        .value();
  }
}
