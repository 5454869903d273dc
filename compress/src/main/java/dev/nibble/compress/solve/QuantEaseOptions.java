package dev.nibble.compress.solve;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
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
 * @param outliers fraction of the weights that stay in half precision; 0 for none
 * @param structure which weights these may be
 * @param stepScale multiplies the step of the outliers' descent, 1/L
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
    RoundingOptions rounding,
    double outliers,
    Structure structure,
    double stepScale) {

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

  /** Which weights may be outliers. */
  enum Structure {
    /** Any. */
    NONE,
    /** Whole input columns. */
    COLUMNS
  }

  static final QuantEaseOptions DEFAULT =
      new QuantEaseOptions(
          Start.FP,
          30,
          3,
          false,
          true,
          true,
          64,
          1e-6,
          RoundingOptions.DEFAULT,
          0,
          Structure.NONE,
          1);

  static QuantEaseOptions from(OptionReader options) {
    QuantEaseOptions out =
        new QuantEaseOptions(
            options.choice("init", DEFAULT.start, Start.class),
            options.integer("iterations", DEFAULT.iterations, 1, 1000),
            options.integer("relax_every", DEFAULT.relaxEvery, 0, 1000),
            options.flag("act_order", DEFAULT.actOrder),
            options.flag("static_groups", DEFAULT.staticGroups),
            options.flag("true_sequential", DEFAULT.trueSequential),
            options.integer("block_size", DEFAULT.blockSize, 1, 1 << 16),
            options.real("damp_percent", DEFAULT.ridge, 0, 1),
            SolveTargets.rounding(options),
            options.real("outliers", DEFAULT.outliers, 0, 0.5),
            options.choice("structure", DEFAULT.structure, Structure.class),
            options.real("alpha", DEFAULT.stepScale, 0.001, 2));
    if (out.outliers > 0 && out.start != Start.FP && out.start != Start.RTN) {
      throw new NibbleException(
          options.where()
              + ".init: with outliers the grids are made for the other weights, so the sweeps"
              + " cannot start from another solver's; use init: fp or rtn, or leave outliers out");
    }
    return out;
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
        GptqOptions.DEFAULT.salience(),
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
