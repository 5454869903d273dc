package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.core.NibbleException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * OHQ (Huang et al. 2023; sheet 49): measures how long every linear takes at every level on this
 * machine ({@link LayerTimes}) and how much it matters ({@link MaskedDivergence}), and solves
 *
 * <pre>
 *   min Σᵢ α·Ŝᵢ(bᵢ) + β·L̂ᵢ(bᵢ)   subject to   Σᵢ sizeᵢ(bᵢ) ≤ Size,  Σᵢ Lᵢ(bᵢ) ≤ Latency
 *   Sᵢ(b) = Ωᵢ · ‖Wᵢ − Q_b(Wᵢ)‖² / ‖Wᵢ‖²
 * </pre>
 *
 * where hats bring the smallest entry of a table to 0 and the largest to 1.
 */
final class OhqStep implements Step {
  private final OhqOptions options;

  OhqStep(OhqOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return options.calib() == OhqOptions.Calib.DATA ? Needs.TOKENS : Needs.NOTHING;
  }

  @Override
  public void prepare(ModelTask task) {
    Choices choices = choices(task, options.levels());
    double[][] times = {};
    if (options.timed()) {
      Choices all = choices;
      double[][] allTimes = LayerTimes.of(task, all);
      int[] kept = LayerTimes.runnable(task, all, allTimes, options.where());
      if (kept.length < all.levels().size()) {
        choices = choices(task, Arrays.stream(kept).mapToObj(all.levels()::get).toList());
      }
      times = columns(allTimes, kept);
    }
    double[][] sensitivity = dealt(task, sensitivity(task, choices));
    int[] choice = choose(choices, sensitivity, times);
    choices.assign(task.allocation(), choice);
    reportTimes(task, choices, times, choice);
    double[] scores = Arrays.stream(sensitivity).mapToDouble(s -> s[0]).toArray();
    task.allocation()
        .explain(
            new AllocationReport(
                "ohq",
                options.target(),
                choices.rows(choice, scores, Ranking.descending(scores)),
                List.of()));
  }

  private Choices choices(ModelTask task, List<Level> levels) {
    return Choices.of(task, levels, Unit.Kind.LINEAR, false, options.where());
  }

  private static double[][] columns(double[][] table, int[] columns) {
    return Arrays.stream(table)
        .map(row -> Arrays.stream(columns).mapToDouble(c -> row[c]).toArray())
        .toArray(double[][]::new);
  }

  /** {@code S}, never rising with the level. */
  private double[][] sensitivity(ModelTask task, Choices choices) {
    int units = choices.units().size();
    int levels = choices.levels().size();
    boolean synthetic = options.calib() == OhqOptions.Calib.SYNTHETIC;
    int count =
        synthetic
            ? options.samples()
            : Math.min(options.samples(), task.tokens().sequences().length);
    String key = options.key(choices, count) + (synthetic ? " seed=" + task.seed() : "");
    if (options.mask() == OhqOptions.Mask.QUANTIZE) {
      return Knapsack.falling(
          requireFinite(
              choices,
              RememberedScores.table(
                  task.scores(),
                  key + " levels=" + choices.levelNames(),
                  units,
                  levels,
                  () -> MaskedDivergence.rounded(task, choices, sequences(task)))));
    }
    double[] omega =
        RememberedScores.row(
            task.scores(),
            key,
            units,
            () -> MaskedDivergence.masked(task, choices.units(), options.ratio(), sequences(task)));
    double[][] errors = RoundingErrors.remembered(task, choices);
    double[][] product = new double[units][levels];
    for (int u = 0; u < units; u++) {
      for (int l = 0; l < levels; l++) {
        product[u][l] = omega[u] * errors[u][l];
      }
    }
    return Knapsack.falling(requireFinite(choices, product));
  }

  private int[][] sequences(ModelTask task) {
    return options.calib() == OhqOptions.Calib.SYNTHETIC
        ? SampledTokens.of(task, options.samples(), options.length())
        : NetworkPass.first(task.tokens(), options.samples()).sequences();
  }

  private static double[][] requireFinite(Choices choices, double[][] table) {
    for (int u = 0; u < table.length; u++) {
      if (!Arrays.stream(table[u]).allMatch(Double::isFinite)) {
        throw new NibbleException(
            "ohq: the sensitivity of "
                + choices.units().get(u).name()
                + " is not finite; repair the model or calibrate on other text",
            NibbleException.BAD_INPUT,
            null);
      }
    }
    return table;
  }

  private double[][] dealt(ModelTask task, double[][] sensitivity) {
    if (options.deal() == OhqOptions.Deal.SCORE) {
      return sensitivity;
    }
    return Arrays.stream(Ranking.random(sensitivity.length, task.seed()))
        .mapToObj(u -> sensitivity[u])
        .toArray(double[][]::new);
  }

  private int[] choose(Choices choices, double[][] sensitivity, double[][] times) {
    Budget budget =
        options
            .budget()
            .orElseGet(() -> new Budget.Size(largest(choices), options.where() + ".size"));
    double[][] costs = costs(sensitivity, times);
    if (options.maxSeconds() == 0) {
      return new Knapsack(choices, costs, List.of()).fill(budget);
    }
    int[] fastest = new Knapsack(choices, times, List.of()).fill(budget);
    requireReachable(Knapsack.sum(times, fastest));
    ChoiceProblem.Limit limit = new ChoiceProblem.Limit(times, options.maxSeconds());
    int[] choice = new Knapsack(choices, costs, List.of(limit)).fill(budget);
    // the header of a file may leave no room for what the limits would allow otherwise
    return Knapsack.sum(times, choice) <= options.maxSeconds() * (1 + 1e-9) ? choice : fastest;
  }

  /** A file that nothing exceeds. */
  private static long largest(Choices choices) {
    return IntStream.range(0, choices.levels().size())
        .mapToLong(l -> choices.fileBytes(choices.uniform(l)))
        .sum();
  }

  private void requireReachable(double least) {
    if (least > options.maxSeconds()) {
      throw new NibbleException(
          options.where()
              + ".max_latency: "
              + microseconds(options.maxSeconds())
              + " cannot be reached; the fastest choice within "
              + options.budget().map(Budget::text).orElse("any size")
              + " takes "
              + microseconds(least)
              + ", so ask for that or more, or give faster levels");
    }
  }

  private double[][] costs(double[][] sensitivity, double[][] times) {
    double[][] s = normalized(sensitivity);
    double[][] t = options.beta() == 0 ? s : normalized(times);
    double[][] out = new double[s.length][s[0].length];
    for (int u = 0; u < out.length; u++) {
      for (int l = 0; l < out[u].length; l++) {
        out[u][l] = options.alpha() * s[u][l] + options.beta() * t[u][l];
      }
    }
    return out;
  }

  /** Entries from 0 to 1; all 0 when they are equal. */
  private static double[][] normalized(double[][] table) {
    double min = Arrays.stream(table).flatMapToDouble(Arrays::stream).min().orElse(0);
    double max = Arrays.stream(table).flatMapToDouble(Arrays::stream).max().orElse(0);
    double range = max > min ? max - min : 1;
    return Arrays.stream(table)
        .map(row -> Arrays.stream(row).map(v -> (v - min) / range).toArray())
        .toArray(double[][]::new);
  }

  private void reportTimes(ModelTask task, Choices choices, double[][] times, int[] choice) {
    if (!options.timed()) {
      return;
    }
    for (int l = 0; l < choices.levels().size(); l++) {
      record(task, choices.levels().get(l).text(), Knapsack.sum(times, choices.uniform(l)));
    }
    record(task, "chosen", Knapsack.sum(times, choice));
  }

  private static void record(ModelTask task, String what, double seconds) {
    task.events().record("ohq.latency", what, microseconds(seconds) + " a token");
  }

  /** As {@code 12.3 microseconds}. */
  static String microseconds(double seconds) {
    return String.format(Locale.ROOT, "%.1f microseconds", 1e6 * seconds);
  }
}
