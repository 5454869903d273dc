package dev.nibble.compress.transform;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.models.Coupling;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Options of {@code rescale}.
 *
 * @param low least factor of a channel, above 0
 * @param high largest factor of a channel; factors lie evenly between the two on a log scale
 * @param outliers channels of each coupling that are made outliers besides
 * @param outlierFactor how much larger an outlier gets, at least 1
 * @param seed of the draw, or -1 to take the recipe's
 * @param targets linears whose inputs are rescaled: couplings with a consumer in whose name one of
 *     these is found; empty for all
 */
public record RescaleOptions(
    double low, double high, int outliers, double outlierFactor, long seed, List<Pattern> targets) {
  private static final double LEAST = 1.0 / 1024;
  private static final double LARGEST = 1024;

  /** Factors from a half to two, no outliers. */
  public static final RescaleOptions DEFAULT = new RescaleOptions(0.5, 2, 0, 30, -1);

  /** Copies the list. */
  public RescaleOptions {
    targets = List.copyOf(targets);
  }

  /** Everywhere. */
  public RescaleOptions(double low, double high, int outliers, double outlierFactor, long seed) {
    this(low, high, outliers, outlierFactor, seed, List.of());
  }

  /** True when the channels of a coupling are rescaled. */
  boolean selects(Coupling coupling) {
    return targets.isEmpty()
        || coupling.consumers().stream()
            .anyMatch(name -> targets.stream().anyMatch(p -> p.matcher(name).find()));
  }

  static RescaleOptions read(OptionReader options) {
    JsonNode range = options.node("range");
    double low = DEFAULT.low();
    double high = DEFAULT.high();
    if (range != null) {
      if (!range.isArray()
          || range.size() != 2
          || !range.get(0).isNumber()
          || !range.get(1).isNumber()) {
        throw wrong(options, range);
      }
      low = range.get(0).doubleValue();
      high = range.get(1).doubleValue();
      if (!(LEAST <= low && low <= high && high <= LARGEST)) {
        throw wrong(options, range);
      }
    }
    return new RescaleOptions(
        low,
        high,
        options.integer("outliers", DEFAULT.outliers(), 0, 1 << 20),
        options.real("outlier_factor", DEFAULT.outlierFactor(), 1, LARGEST),
        options.whole("seed", DEFAULT.seed()),
        options.patterns("targets"));
  }

  private static NibbleException wrong(OptionReader options, JsonNode found) {
    return new NibbleException(
        options.where()
            + ".range: expected [low, high] from 1/1024 to 1024, such as [0.5, 2], found "
            + found);
  }
}
