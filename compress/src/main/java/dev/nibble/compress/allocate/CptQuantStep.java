package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.block.Batches;
import dev.nibble.core.NibbleException;
import java.util.List;

/**
 * CPTQuant (Nanda et al. 2024; sheet 01): layers are scored by one of three sensitivities, and the
 * scores are cut into classes of 16, 8 and 4 bits, or spent on under a budget.
 */
final class CptQuantStep implements Step {
  private final CptQuantOptions options;

  CptQuantStep(CptQuantOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.TOKENS;
  }

  @Override
  public void prepare(ModelTask task) {
    Choices choices = Choices.of(task, options.levels(), options.unit(), false, options.where());
    Batches batches = NetworkPass.first(task.tokens(), options.samples());
    double[] scores =
        RememberedScores.row(
            task.scores(),
            options.key(choices, batches.sequences().length),
            choices.units().size(),
            () -> measure(task, choices, batches.sequences()));
    for (int u = 0; u < scores.length; u++) {
      if (!Double.isFinite(scores[u])) {
        throw new NibbleException(
            "cptquant: the score of "
                + choices.units().get(u).name()
                + " is not finite; repair the model or calibrate on other text");
      }
    }
    double[] dealt = dealt(task, scores);
    int[] choice = choose(task, choices, dealt);
    choices.assign(task.allocation(), choice);
    task.allocation()
        .explain(
            new AllocationReport(
                "cptquant",
                options.target(),
                choices.rows(choice, scores, Ranking.descending(dealt)),
                List.of()));
  }

  private double[] measure(ModelTask task, Choices choices, int[][] sequences) {
    Level lowest = choices.levels().getFirst();
    return switch (options.scorer()) {
      case CMPQ ->
          new CorrelationScores(
                  task,
                  choices.units(),
                  lowest,
                  options.views(),
                  options.components(),
                  options.epsilon())
              .of(sequences);
      case PMPQ -> PruningScores.of(task, choices.units(), options.sparsities(), sequences);
      case TDMPQ ->
          TaylorScores.of(
              task, choices.units(), lowest, options.perturb(), options.eta(), sequences);
    };
  }

  /** Scores as they are dealt out; a study's reversed or random ones are the same numbers. */
  private double[] dealt(ModelTask task, double[] scores) {
    int[] order = Ranking.descending(scores);
    int[] to =
        switch (options.deal()) {
          case SCORE -> order;
          case REVERSE -> Ranking.reversed(order);
          case RANDOM -> Ranking.random(order.length, task.seed());
        };
    double[] out = new double[scores.length];
    for (int rank = 0; rank < order.length; rank++) {
      out[to[rank]] = scores[order[rank]];
    }
    return out;
  }

  private int[] choose(ModelTask task, Choices choices, double[] scores) {
    return switch (options.assign()) {
      case QUANTILE -> Classes.quantile(choices, options.fractions(), Ranking.descending(scores));
      case KMEANS -> Classes.kmeans(scores, choices.levels().size());
      case BUDGET ->
          Classes.greedy(
              choices,
              options.budget().orElseThrow(),
              scores,
              RoundingErrors.remembered(task, choices));
    };
  }
}
