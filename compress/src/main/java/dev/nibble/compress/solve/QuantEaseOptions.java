package dev.nibble.compress.solve;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import java.util.stream.IntStream;

/**
 * Options of {@link QuantEase}.
 *
 * @param start values and grids that the sweeps start from
 * @param iterations sweeps, at most
 * @param relaxEvery of every so many sweeps the second does not round; 0 for none
 * @param actOrder sweep over the columns with the largest inputs first
 * @param staticGroups groups of columns are consecutive as stored, else in the order of the sweeps,
 *     which stores a group index
 * @param trueSequential gather each stage's inputs after the stages before it are solved
 * @param blockSize columns whose changes reach the others together; speed only
 * @param ridge added to the diagonal of the Hessian, as a fraction of its mean
 * @param rounding grid flavour and clip search
 */
record QuantEaseOptions(
    Start start,
    int iterations,
    int relaxEvery,
    boolean actOrder,
    boolean staticGroups,
    boolean trueSequential,
    int blockSize,
    double ridge,
    RoundingOptions rounding) {

  /** After this many sweeps all round, so that they settle. */
  private static final int LAST_RELAXED = 25;

  /** Where the sweeps start. */
  enum Start {
    /** The weights themselves. */
    FP,
    /** The weights rounded to nearest. */
    RTN,
    /** What GPTQ makes of them, on its grids. */
    GPTQ,
    /** What the step before stored, on its grids. */
    PREVIOUS
  }

  static final QuantEaseOptions DEFAULT =
      new QuantEaseOptions(Start.FP, 30, 3, false, true, true, 64, 1e-6, RoundingOptions.DEFAULT);

  static QuantEaseOptions from(OptionReader options) {
    return new QuantEaseOptions(
        options.choice("init", DEFAULT.start, Start.class),
        options.integer("iterations", DEFAULT.iterations, 1, 1000),
        options.integer("relax_every", DEFAULT.relaxEvery, 0, 1000),
        options.flag("act_order", DEFAULT.actOrder),
        options.flag("static_groups", DEFAULT.staticGroups),
        options.flag("true_sequential", DEFAULT.trueSequential),
        options.integer("block_size", DEFAULT.blockSize, 1, 1 << 16),
        options.real("damp_percent", DEFAULT.ridge, 0, 1),
        SolveTargets.rounding(options));
  }

  /** True when columns must be assigned to groups by a stored index. */
  boolean storesGroupIndex(QuantSpec spec) {
    return actOrder && !staticGroups && spec.granularity() == Granularity.GROUP;
  }

  /** How GPTQ makes what the sweeps start from. */
  GptqOptions gptq() {
    return new GptqOptions(
        GptqOptions.DEFAULT.dampPercent(),
        actOrder,
        staticGroups,
        trueSequential,
        GptqOptions.DEFAULT.blockSize(),
        false,
        rounding,
        GptqOptions.DEFAULT.fallback());
  }

  /** Whether a sweep, counted from 0, takes minima as they are instead of rounding them. */
  boolean relaxed(int sweep) {
    return relaxEvery > 0
        && sweep % relaxEvery == 1 % relaxEvery
        && sweep <= LAST_RELAXED
        && sweep != iterations - 1;
  }

  /** Whether a later sweep is {@link #relaxed}. */
  boolean relaxesAfter(int sweep) {
    return IntStream.range(sweep + 1, Math.min(iterations, LAST_RELAXED + 1))
        .anyMatch(this::relaxed);
  }
}
