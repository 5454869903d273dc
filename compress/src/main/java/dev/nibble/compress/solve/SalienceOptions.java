package dev.nibble.compress.solve;

import dev.nibble.compress.recipe.OptionReader;
import java.util.Optional;

/**
 * Options of {@link SalientGrids}.
 *
 * @param lambda weight of the errors of salient elements
 * @param zscore an element is salient whose salience is more standard deviations above its group's
 *     mean than this
 * @param norm exponent of the errors
 * @param range ranges within this share around the whole one are tried
 * @param steps how many on either side
 */
record SalienceOptions(double lambda, double zscore, double norm, double range, int steps) {

  /** The option {@code salience: { lambda, zscore, norm, range, steps }}, if it is there. */
  static Optional<SalienceOptions> from(OptionReader options) {
    if (options.node("salience") == null) {
      return Optional.empty();
    }
    OptionReader salience = options.child("salience");
    return Optional.of(
        new SalienceOptions(
            salience.real("lambda", 1, 0, 1e6),
            salience.real("zscore", 2, 0, 100),
            salience.real("norm", 2.4, 0.1, 10),
            salience.real("range", 0.1, 0, 0.9),
            salience.integer("steps", 50, 1, 10_000)));
  }
}
