package dev.nibble.compress.tune;

import dev.nibble.compress.recipe.OptionReader;

/**
 * Options of {@code omniquant} beside those of the loop and of what is stored.
 *
 * @param lwc train how much of each range the grids span
 * @param lwcRate its learning rate
 */
record OmniQuantOptions(boolean lwc, double lwcRate) {

  static OmniQuantOptions read(OptionReader options) {
    return new OmniQuantOptions(options.flag("lwc", true), options.real("lwc_lr", 1e-2, 1e-9, 10));
  }

  /** Learning rate of the ranges, 0 to leave them. */
  double clipRate() {
    return lwc ? lwcRate : 0;
  }
}
