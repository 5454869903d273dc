package dev.nibble.compress.solve;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import java.util.Optional;

/**
 * Options of {@link Gptq}.
 *
 * @param dampPercent first damping, as a fraction of the mean diagonal of the Hessian
 * @param actOrder solve columns with the largest inputs first
 * @param staticGroups fit all grids to the original weights before the loop; else each group's to
 *     its compensated columns when the loop gets there
 * @param trueSequential gather each stage's inputs after the stages before it are solved
 * @param blockSize columns compensated lazily at a time; changes speed only
 * @param keepGrid take the grids that an earlier step stored the weight on
 * @param rounding grid flavour and clip search
 * @param salience weigh salient elements where a range is searched; instead of the clip search
 * @param fallback what to do where nothing can be solved
 */
record GptqOptions(
    double dampPercent,
    boolean actOrder,
    boolean staticGroups,
    boolean trueSequential,
    int blockSize,
    boolean keepGrid,
    RoundingOptions rounding,
    Optional<SalienceOptions> salience,
    Fallback fallback) {

  /** What happens to a site without a usable Hessian. */
  enum Fallback {
    /** It is rounded to nearest, and the report says so. */
    RTN,
    /** The run fails, naming the site. */
    FAIL
  }

  static final GptqOptions DEFAULT =
      new GptqOptions(
          0.01,
          true,
          true,
          true,
          128,
          false,
          RoundingOptions.DEFAULT,
          Optional.empty(),
          Fallback.RTN);

  static GptqOptions from(OptionReader options) {
    GptqOptions read = read(options);
    if (read.salience.isPresent() && read.actOrder && !read.staticGroups) {
      throw new NibbleException(
          options.where()
              + ".salience: groups must be consecutive columns; add act_order: false, or leave out"
              + " static_groups: false",
          NibbleException.USAGE,
          null);
    }
    return read;
  }

  private static GptqOptions read(OptionReader options) {
    return new GptqOptions(
        options.real("damp_percent", DEFAULT.dampPercent, 0, 1),
        options.flag("act_order", DEFAULT.actOrder),
        options.flag("static_groups", DEFAULT.staticGroups),
        options.flag("true_sequential", DEFAULT.trueSequential),
        options.integer("block_size", DEFAULT.blockSize, 1, 1 << 16),
        options.flag("keep_grid", DEFAULT.keepGrid),
        SolveTargets.rounding(options),
        SalienceOptions.from(options),
        options.choice("fallback", DEFAULT.fallback, Fallback.class));
  }

  /** True when a group's grid is fitted inside the loop. */
  boolean dynamicGroups(QuantSpec spec) {
    return spec.granularity() == Granularity.GROUP && !staticGroups && !keepGrid;
  }

  /** True when columns must be assigned to groups by a stored index. */
  boolean storesGroupIndex(QuantSpec spec) {
    return actOrder && dynamicGroups(spec);
  }
}
