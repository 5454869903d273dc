package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.block.Batches;
import dev.nibble.core.NibbleException;
import java.util.Arrays;
import java.util.List;

/**
 * Makes the file as good as its size allows: predicts what every weight at every level costs the
 * network's predictions ({@link PredictedDivergence}) and takes the levels with the least sum that
 * fit ({@link Knapsack}). The embedding and a head of its own take part.
 */
final class SizeStep implements Step {
  private final List<Level> levels;
  private final Budget budget;
  private final int samples;
  private final boolean tables;
  private final String where;

  /**
   * @param samples calibration sequences to differentiate
   * @param tables embedding and head take part
   * @param where path of the options, for messages
   */
  SizeStep(List<Level> levels, Budget budget, int samples, boolean tables, String where) {
    this.levels = levels;
    this.budget = budget;
    this.samples = samples;
    this.tables = tables;
    this.where = where;
  }

  @Override
  public Needs needs() {
    return Needs.TOKENS;
  }

  @Override
  public void prepare(ModelTask task) {
    Choices choices = Choices.of(task, levels, Unit.Kind.LINEAR, tables, where);
    Batches batches = NetworkPass.first(task.tokens(), samples);
    if (batches.length() < 2) {
      throw new NibbleException(
          where + ": sequences of one token predict nothing; use longer ones");
    }
    double[][] errors =
        Knapsack.requireFinite(
            choices,
            RememberedScores.table(
                task.scores(),
                key(choices, batches),
                choices.units().size(),
                choices.levels().size(),
                () -> PredictedDivergence.of(task, choices, batches.sequences())),
            "size");
    Knapsack knapsack = new Knapsack(choices, errors);
    int[] choice = knapsack.fill(budget);
    choices.assign(task.allocation(), choice);
    double[] scores = Arrays.stream(errors).mapToDouble(e -> e[0]).toArray();
    task.allocation()
        .explain(
            new AllocationReport(
                "size",
                budget.text(),
                choices.rows(choice, scores, Ranking.descending(scores)),
                knapsack.frontier()));
  }

  private static String key(Choices choices, Batches batches) {
    return "divergence v3 samples="
        + batches.sequences().length
        + " levels="
        + choices.levelNames()
        + " units="
        + choices.names();
  }
}
