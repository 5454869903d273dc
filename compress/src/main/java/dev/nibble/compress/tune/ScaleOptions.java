package dev.nibble.compress.tune;

import dev.nibble.compress.recipe.OptionReader;

/**
 * Learned equivalent transformation.
 *
 * @param on train scales and shifts
 * @param learningRate their learning rate
 * @param alpha of the SmoothQuant scales that training may start from
 * @param shift learn shifts, too, in models with LayerNorm and biases and where inputs are
 *     quantized
 * @param queryKey scales between queries and keys
 */
record ScaleOptions(
    boolean on, double learningRate, double alpha, boolean shift, QueryKey queryKey) {

  /** Scales between queries and keys. */
  enum QueryKey {
    /** One for the two channels that the rotary embedding turns together. */
    TIED,
    /** One for each channel, as in the paper; not exact with rotary positions. */
    FREE,
    /** None. */
    NONE
  }

  static ScaleOptions read(OptionReader options) {
    return new ScaleOptions(
        options.flag("let", false),
        options.real("let_lr", 5e-3, 1e-9, 10),
        options.real("alpha", 0.5, 0, 1),
        options.flag("let_shift", true),
        options.choice("let_qk", QueryKey.TIED, QueryKey.class));
  }
}
