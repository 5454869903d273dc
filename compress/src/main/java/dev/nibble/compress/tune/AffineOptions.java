package dev.nibble.compress.tune;

import dev.nibble.compress.recipe.OptionReader;

/**
 * Options of {@code affinequant} beside those of the loop and of what is stored.
 *
 * @param learningRate of the transforms
 * @param alpha of the SmoothQuant scales that training may start from
 * @param shift learn shifts, too, in models with LayerNorm and biases and where inputs are
 *     quantized
 * @param normMatrix a matrix behind the norms, which costs a product at run time; else a vector
 * @param queryKey transforms between queries and keys
 * @param stability what off-diagonal elements are multiplied by
 */
record AffineOptions(
    double learningRate,
    double alpha,
    boolean shift,
    boolean normMatrix,
    QueryKey queryKey,
    double stability) {

  /** Transforms between queries and keys. */
  enum QueryKey {
    /** None. */
    NONE,
    /** A complex number for each pair of channels that the rotary embedding turns. */
    PAIR_TIED,
    /** A matrix for each key head; not exact with rotary positions. */
    AS_PAPER
  }

  static AffineOptions read(OptionReader options) {
    return new AffineOptions(
        options.real("let_lr", 5e-3, 1e-9, 10),
        options.real("alpha", 0.5, 0, 1),
        options.flag("let_shift", true),
        options.flag("use_ln_matrix", false),
        options.choice("qkt_mode", QueryKey.PAIR_TIED, QueryKey.class),
        options.real("stability_factor", 1e-2, 1e-6, 1));
  }

  /** The channel scales that are used where matrices fail, and what their places start from. */
  ScaleOptions scales() {
    return new ScaleOptions(
        true,
        learningRate,
        alpha,
        shift,
        queryKey == QueryKey.NONE ? ScaleOptions.QueryKey.NONE : ScaleOptions.QueryKey.TIED);
  }
}
