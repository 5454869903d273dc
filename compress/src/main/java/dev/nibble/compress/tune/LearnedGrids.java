package dev.nibble.compress.tune;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.compress.solve.SolveTargets;
import dev.nibble.core.NibbleException;
import dev.nibble.core.rounding.GridFlavour;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;

/** Which grids a tuner can learn ranges of. */
final class LearnedGrids {
  private LearnedGrids() {}

  /**
   * The options {@code grid}, {@code clip} and {@code clip_norm}.
   *
   * @throws NibbleException for a grid whose range need not include zero
   */
  static RoundingOptions rounding(OptionReader options) {
    RoundingOptions rounding = SolveTargets.rounding(options);
    if (rounding.flavour() == GridFlavour.AWQ) {
      throw new NibbleException(
          options.where() + ".grid: a learned range includes zero; use gptq instead of awq");
    }
    return rounding;
  }

  /**
   * Refuses a spec.
   *
   * @throws NibbleException unless it is of integers by channel or group
   */
  static void require(QuantSpec spec, String where) {
    if (!spec.affine() || spec.granularity() == Granularity.TENSOR) {
      throw new NibbleException(
          where
              + ": ranges are learned of integer weights by channel or group, not of "
              + spec.text()
              + "; use int3:g64, say, or the step rtn");
    }
  }
}
