package dev.nibble.compress.transform;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;

/**
 * Options of {@code smoothquant}.
 *
 * @param alpha how much of the difficulty moves from activations to weights, 0 to 1; NaN to choose
 *     it by group
 * @param searchTokens calibration tokens that the choice looks at
 */
public record SmoothOptions(double alpha, int searchTokens) {

  /** The published setting for most models. */
  public static final SmoothOptions DEFAULT = new SmoothOptions(0.5, 8192);

  /** True when alpha is chosen by group. */
  public boolean automatic() {
    return Double.isNaN(alpha);
  }

  static SmoothOptions read(OptionReader options) {
    JsonNode alpha = options.node("alpha");
    double value;
    if (alpha == null) {
      value = DEFAULT.alpha();
    } else if (alpha.isTextual() && alpha.textValue().equals("auto")) {
      value = Double.NaN;
    } else if (alpha.isNumber() && alpha.doubleValue() >= 0 && alpha.doubleValue() <= 1) {
      value = alpha.doubleValue();
    } else {
      throw new NibbleException(
          options.where() + ".alpha: expected a number from 0 to 1 or auto, found " + alpha);
    }
    return new SmoothOptions(
        value, options.integer("search_tokens", DEFAULT.searchTokens(), 1, 1 << 24));
  }
}
