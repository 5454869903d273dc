package dev.nibble.compress.tune;

import dev.nibble.compress.recipe.OptionReader;

/**
 * How ranges of weights are learned.
 *
 * @param on train them; else they stay as they start
 * @param learningRate of the ranges
 * @param scaleGradient see {@link LearnedClip}
 */
record ClipOptions(boolean on, double learningRate, double scaleGradient) {
  static final double SCALE_GRADIENT = 0.5;

  static ClipOptions read(OptionReader options) {
    return new ClipOptions(
        options.flag("lwc", true),
        options.real("lwc_lr", 1e-2, 1e-9, 10),
        options.real("scale_gradient", SCALE_GRADIENT, 0, 1));
  }

  /** Learning rate, 0 to leave the ranges. */
  double rate() {
    return on ? learningRate : 0;
  }
}
