package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Layer-wise quantization (Dumitru et al. 2024, arXiv:2406.17415, section 3; sheet 22, steps 3 to
 * 5): decoder blocks are put in order of importance by a score, and go to the higher level in that
 * order until the budget is spent. Embedding, head and norms are left alone.
 *
 * <pre>
 * levels: [ int2:g32, int4:g32 ]   # two or more
 * bits: 3.5 | size: 1.9MB | high_layers: 6 | high_layers: [ 2, 6 ]
 * order: score | reverse | random | given
 * layers: [ 3, 0, 1, 2 ]           # for given: from the most to the least important
 * </pre>
 */
abstract class RankedLayers implements Step {
  /** Which order the layers are raised in. */
  enum Order {
    SCORE,
    REVERSE,
    RANDOM,
    GIVEN
  }

  /**
   * Options of every such step.
   *
   * @param budget empty when {@code counts} say it
   * @param counts layers at each level from the largest down
   * @param layers for {@link Order#GIVEN}
   */
  record Options(
      String where,
      List<Level> levels,
      Optional<Budget> budget,
      int[] counts,
      Order order,
      int[] layers) {

    static Options read(OptionReader options) {
      List<Level> levels = Level.list(options, List.of("int2:g32", "int4:g32"));
      Optional<Budget> budget = Budget.from(options);
      int[] counts = numbers(options, "high_layers");
      if (budget.isPresent() == (counts.length > 0)) {
        throw new NibbleException(
            options.where() + ": expected one of bits:, size: and high_layers:, as bits: 3.5");
      }
      if (counts.length >= levels.size()) {
        throw new NibbleException(
            options.where()
                + ".high_layers: expected at most one number fewer than levels, found "
                + Arrays.toString(counts));
      }
      Order order = options.choice("order", Order.SCORE, Order.class);
      int[] layers = numbers(options, "layers");
      if ((order == Order.GIVEN) != (layers.length > 0)) {
        throw new NibbleException(
            options.where() + ".layers: goes with order: given, and must list every layer then");
      }
      return new Options(options.where(), levels, budget, counts, order, layers);
    }

    private static int[] numbers(OptionReader options, String key) {
      List<String> texts = options.texts(key, List.of());
      try {
        int[] out = texts.stream().mapToInt(Integer::parseInt).toArray();
        if (Arrays.stream(out).allMatch(n -> n >= 0)) {
          return out;
        }
      } catch (NumberFormatException e) {
        throw wrong(options, key, texts, e);
      }
      throw wrong(options, key, texts, null);
    }

    private static NibbleException wrong(
        OptionReader options, String key, List<String> found, Exception cause) {
      return new NibbleException(
          options.where() + "." + key + ": expected numbers of layers, found " + found,
          NibbleException.USAGE,
          cause);
    }

    String target() {
      return budget
          .map(Budget::text)
          .orElseGet(() -> "high layers " + Arrays.toString(counts).replaceAll("[\\[\\]]", ""));
    }
  }

  private final String name;
  private final Options options;

  /**
   * @param name recipe key, for events and reports
   */
  RankedLayers(String name, Options options) {
    this.name = name;
    this.options = options;
  }

  /** Importance of each unit, a block; the highest matters most. */
  abstract double[] scores(ModelTask task, List<Unit> blocks);

  final Options options() {
    return options;
  }

  @Override
  public List<String> objections(ModelConfig config) {
    int layers = config.layers();
    boolean each =
        options.order() != Order.GIVEN
            || Arrays.equals(
                Arrays.stream(options.layers()).sorted().toArray(),
                IntStream.range(0, layers).toArray());
    return each
        ? List.of()
        : List.of("layers: must list every layer once, from 0 to " + (layers - 1));
  }

  @Override
  public void prepare(ModelTask task) {
    Choices choices = Choices.of(task, options.levels(), Unit.Kind.BLOCK, false, options.where());
    boolean scored = options.order() == Order.SCORE || options.order() == Order.REVERSE;
    double[] scores = scored ? scores(task, choices.units()) : new double[0];
    int[] order = order(task, choices.units(), scores);
    int[] choice =
        options
            .budget()
            .map(budget -> OrderFill.fill(choices, budget, order))
            .orElseGet(() -> OrderFill.cut(choices, options.counts(), order));
    choices.assign(task.allocation(), choice);
    task.allocation()
        .explain(
            new AllocationReport(
                name, options.target(), choices.rows(choice, scores, order), List.of()));
  }

  private int[] order(ModelTask task, List<Unit> units, double[] scores) {
    return switch (options.order()) {
      case SCORE -> Ranking.descending(scores);
      case REVERSE -> Ranking.reversed(Ranking.descending(scores));
      case RANDOM -> Ranking.random(units.size(), task.seed());
      case GIVEN ->
          Arrays.stream(options.layers())
              .map(layer -> indexOf(units, TensorNames.layer(layer)))
              .filter(unit -> unit >= 0)
              .toArray();
    };
  }

  private static int indexOf(List<Unit> units, String name) {
    return IntStream.range(0, units.size())
        .filter(u -> units.get(u).name().equals(name))
        .findFirst()
        .orElse(-1);
  }
}
