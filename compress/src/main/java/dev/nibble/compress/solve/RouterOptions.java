package dev.nibble.compress.solve;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.QuantSpec;
import java.util.Locale;

/**
 * Options of {@code router_alignment}.
 *
 * @param spec how the router's weight is stored
 * @param loss what the clip ratio minimizes
 * @param lowest smallest fraction of the range that is tried
 * @param steps fractions that are tried, evenly up to 1
 * @param tokens calibration tokens that the loss looks at
 * @param inputBits bits of the router's input, per token, 0 to leave it alone
 */
public record RouterOptions(
    QuantSpec spec, Loss loss, double lowest, int steps, int tokens, int inputBits) {

  /** The published setting. */
  public static final RouterOptions DEFAULT =
      new RouterOptions(QuantSpec.parse("int8:channel:asym"), Loss.KL_TOP0, 0.35, 101, 4096, 8);

  /** What is minimized. */
  public enum Loss {
    /** Squared error of the weights, row by row. */
    MSE(Double.NaN),
    /** Squared error of the logits, row by row. */
    LINEAR(Double.NaN),
    /** Divergence over the chosen experts. */
    KL_TOP0(0),
    /** And over a quarter of the others. */
    KL_TOP25(0.25),
    /** And over half of the others. */
    KL_TOP50(0.5),
    /** And over three quarters of the others. */
    KL_TOP75(0.75),
    /** Divergence over all experts. */
    KL_TOP100(1),
    /** Mean squared error of the logits plus the divergence over the chosen experts. */
    LINEAR_KL(0);

    private final double share;

    Loss(double share) {
      this.share = share;
    }

    /** Share of the experts that are not chosen that the divergence looks at. */
    double share() {
      return Double.isNaN(share) ? 0 : share;
    }

    /** True when rows are judged one by one. */
    boolean byRow() {
      return this == MSE || this == LINEAR;
    }

    String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  static RouterOptions read(OptionReader options) {
    QuantSpec spec = options.optionalSpec("spec").orElse(DEFAULT.spec());
    if (!spec.affine()) {
      throw new NibbleException(
          options.where()
              + ".spec: "
              + spec.text()
              + " is not integer, and a clip ratio needs a range; write int8:channel:asym, say");
    }
    return new RouterOptions(
        spec,
        options.choice("loss", DEFAULT.loss(), Loss.class),
        options.real("lowest", DEFAULT.lowest(), 0.01, 1),
        options.integer("steps", DEFAULT.steps(), 2, 10_000),
        options.integer("tokens", DEFAULT.tokens(), 1, 1 << 24),
        options.integer("input_bits", DEFAULT.inputBits(), 0, 8));
  }

  /** The fractions to try, 1 first. */
  double[] ratios() {
    double[] out = new double[steps];
    for (int i = 0; i < steps; i++) {
      out[i] = 1 - i * (1 - lowest) / (steps - 1);
    }
    return out;
  }
}
