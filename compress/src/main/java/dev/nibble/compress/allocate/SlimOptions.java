package dev.nibble.compress.allocate;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.QuantSpec;
import java.util.List;

/**
 * Options of {@link SlimStep}.
 *
 * @param bits mean width
 * @param groupSize columns of a group
 * @param objective what candidates are compared by
 * @param includeUniform one width for all groups is a candidate too
 * @param reversed salient groups get fewer bits, for comparison
 * @param dampPercent damping of the Hessian, as a fraction of its mean diagonal
 * @param oneBitMean groups of one bit are stored around their mean; else on a grid with a
 *     zero-point
 */
record SlimOptions(
    int bits,
    int groupSize,
    Objective objective,
    boolean includeUniform,
    boolean reversed,
    double dampPercent,
    boolean oneBitMean) {

  /** Distance between a linear's outputs before and after. */
  enum Objective {
    /** Divergence of their softmax from that of the original ones. */
    KL,
    /** Squared difference. */
    MSE
  }

  static SlimOptions from(OptionReader options) {
    int bits = options.integer("bits", 2, 1, 7);
    if (bits < 2) {
      throw new NibbleException(
          options.where()
              + ".bits: a mean of 1 leaves nothing below it; use 2 or 3, or the step billm",
          NibbleException.USAGE,
          null);
    }
    return new SlimOptions(
        bits,
        options.integer("group_size", 128, 1, 1 << 16),
        options.choice("objective", Objective.KL, Objective.class),
        options.flag("include_uniform", true),
        options.flag("reversed", false),
        options.real("damp_percent", 0.01, 0, 1),
        options.flag("one_bit_mean", true));
  }

  /** Specs of groups with fewer, as many and more bits than the mean. */
  List<QuantSpec> specs() {
    return List.of(spec(bits - 1), spec(bits), spec(bits + 1));
  }

  private QuantSpec spec(int width) {
    boolean mean = width == 1 && oneBitMean;
    return QuantSpec.parse(
        (mean ? "binary:g" + groupSize : "int" + width + ":g" + groupSize + ":asym"));
  }
}
