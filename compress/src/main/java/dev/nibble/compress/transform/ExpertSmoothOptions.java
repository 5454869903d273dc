package dev.nibble.compress.transform;

import dev.nibble.compress.recipe.OptionReader;

/**
 * Options of {@code ea_smooth}.
 *
 * @param alpha how much of the difficulty moves from activations to weights, 0 to 1
 * @param merge how the scales of the experts become one
 * @param router the router's own scale counts too
 * @param cap percentile of the merged scale's channels that no channel may exceed, 100 for none
 * @param otsuRatio quantile that outliers of down_proj's input are measured from, above 0.5
 * @param otsuRate exponent of their scale, 0 to leave down_proj alone
 */
public record ExpertSmoothOptions(
    double alpha, Merge merge, boolean router, double cap, double otsuRatio, double otsuRate) {

  /** The published setting; the router counts, as in the paper. */
  public static final ExpertSmoothOptions DEFAULT =
      new ExpertSmoothOptions(0.6, Merge.MAX, true, 100, 0.65, 0.7);

  /** How the scales of routed experts become one. */
  public enum Merge {
    /** The largest, channel by channel. */
    MAX,
    /** Mean weighted by the share of choices that fall on each expert. */
    SUM1,
    /** Mean weighted by how far the largest weight stands out in each expert. */
    SUM2,
    /** Mean weighted by the router's mean probabilities. */
    SUM3,
    /** The largest of the three means. */
    ALL
  }

  static ExpertSmoothOptions read(OptionReader options) {
    return new ExpertSmoothOptions(
        options.real("alpha", DEFAULT.alpha(), 0, 1),
        options.choice("scale_merge", DEFAULT.merge(), Merge.class),
        options.flag("router", DEFAULT.router()),
        options.real("cap_percentile", DEFAULT.cap(), 50, 100),
        options.real("otsu_ratio", DEFAULT.otsuRatio(), 0.5, 0.999),
        options.real("otsu_smooth_rate", DEFAULT.otsuRate(), 0, 1));
  }
}
