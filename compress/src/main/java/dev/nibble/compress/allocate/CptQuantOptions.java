package dev.nibble.compress.allocate;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Options of {@link CptQuantStep}.
 *
 * @param scorer how sensitivity is measured
 * @param unit what gets a level of its own
 * @param assign how scores become levels
 * @param deal whose score a unit gets
 * @param budget present exactly for {@link Assign#BUDGET}
 * @param fractions shares of the units at the largest level, the next, and so on
 * @param samples calibration sequences to look at
 * @param components of a view, 0 for as many as the tokens can tell apart
 * @param epsilon ridge of a view, as a share of its mean variance
 * @param sparsities shares of weights that are pruned
 * @param eta relative size of random changes
 */
record CptQuantOptions(
    String where,
    Scorer scorer,
    Unit.Kind unit,
    List<Level> levels,
    Assign assign,
    Deal deal,
    Optional<Budget> budget,
    double[] fractions,
    int samples,
    CorrelationScores.Views views,
    int components,
    double epsilon,
    double[] sparsities,
    TaylorScores.Perturb perturb,
    double eta) {

  /** Measures of sensitivity. */
  enum Scorer {
    CMPQ,
    PMPQ,
    TDMPQ
  }

  /** Ways from scores to levels. */
  enum Assign {
    QUANTILE,
    KMEANS,
    BUDGET
  }

  /** Whose score a unit gets: its own, that of the opposite place, or anybody's. */
  enum Deal {
    SCORE,
    REVERSE,
    RANDOM
  }

  static CptQuantOptions read(OptionReader options) {
    Optional<Budget> budget = Budget.from(options);
    CptQuantOptions out =
        new CptQuantOptions(
            options.where(),
            options.choice("scorer", Scorer.TDMPQ, Scorer.class),
            options.choice("unit", Unit.Kind.BLOCK, Unit.Kind.class),
            Level.list(options, List.of("int4:channel:sym", "int8:channel:sym", Level.KEEP)),
            options.choice(
                "assign", budget.isPresent() ? Assign.BUDGET : Assign.QUANTILE, Assign.class),
            options.choice("order", Deal.SCORE, Deal.class),
            budget,
            numbers(options, "fractions", List.of("0.3", "0.3")),
            options.integer("samples", 8, 1, 1 << 16),
            options.choice("views", CorrelationScores.Views.LAYERS, CorrelationScores.Views.class),
            options.integer("components", 0, 0, 1 << 16),
            options.real("epsilon", 1e-4, 0, 1),
            numbers(options, "sparsities", List.of("0.1", "0.2", "0.3", "0.4", "0.5")),
            options.choice("perturb", TaylorScores.Perturb.WEIGHTS, TaylorScores.Perturb.class),
            options.real("eta", 1e-2, 0, 1));
    out.check();
    return out;
  }

  private static double[] numbers(OptionReader options, String key, List<String> fallback) {
    List<String> texts = options.texts(key, fallback);
    NumberFormatException cause = null;
    try {
      double[] out = texts.stream().mapToDouble(Double::parseDouble).toArray();
      if (Arrays.stream(out).allMatch(v -> v >= 0 && v <= 1)) {
        return out;
      }
    } catch (NumberFormatException e) {
      cause = e;
    }
    throw new NibbleException(
        options.where() + "." + key + ": expected shares from 0 to 1, found " + texts,
        NibbleException.USAGE,
        cause);
  }

  private void check() {
    if (budget.isPresent() != (assign == Assign.BUDGET)) {
      throw new NibbleException(
          where + ": assign: budget goes with bits: or size:, and they with it");
    }
    boolean tooMany = fractions.length >= levels.size() || Arrays.stream(fractions).sum() > 1;
    if (assign == Assign.QUANTILE && tooMany) {
      throw new NibbleException(
          where
              + ".fractions: expected fewer shares than levels, of at most 1 together, found "
              + Arrays.toString(fractions));
    }
    boolean outputs =
        scorer == Scorer.CMPQ
            || (scorer == Scorer.TDMPQ && perturb != TaylorScores.Perturb.WEIGHTS);
    if (outputs && unit == Unit.Kind.LINEAR) {
      throw new NibbleException(
          where
              + ".unit: linear goes with pmpq, and with tdmpq on weights; the other scores are of"
              + " whole blocks");
    }
  }

  String target() {
    return budget
        .map(Budget::text)
        .orElseGet(
            () ->
                assign == Assign.KMEANS
                    ? "clusters of scores"
                    : "shares " + Arrays.toString(fractions).replaceAll("[\\[\\]]", ""));
  }

  /** Everything that scores depend on. */
  String key(Choices choices, int sequences) {
    String own =
        switch (scorer) {
          case CMPQ -> views + " components=" + components + " epsilon=" + epsilon;
          case PMPQ -> Arrays.toString(sparsities);
          case TDMPQ -> perturb + " eta=" + eta;
        };
    return scorer
        + " v1 "
        + own
        + " lowest="
        + choices.levels().getFirst().text()
        + " samples="
        + sequences
        + " units="
        + choices.names();
  }
}
