package dev.nibble.compress.allocate;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import java.util.List;
import java.util.Optional;

/**
 * Options of {@link OhqStep}.
 *
 * @param budget on bytes; empty for none
 * @param maxSeconds most seconds of all units together for one token; 0 for no limit
 * @param alpha weight of the sensitivity
 * @param beta weight of the time
 * @param mask how a layer is damaged
 * @param ratio of the weights that are masked
 * @param calib text that is looked at
 * @param samples sequences of it
 * @param length of a synthetic sequence
 */
record OhqOptions(
    String where,
    List<Level> levels,
    Optional<Budget> budget,
    double maxSeconds,
    double alpha,
    double beta,
    Mask mask,
    double ratio,
    Calib calib,
    int samples,
    int length,
    Deal deal) {

  /** What a unit's sensitivity is measured by. */
  enum Mask {
    ZERO,
    QUANTIZE
  }

  /** Where tokens come from. */
  enum Calib {
    DATA,
    SYNTHETIC
  }

  /** Whose sensitivity a unit gets: its own or, for studies, anybody's. */
  enum Deal {
    SCORE,
    RANDOM
  }

  static OhqOptions read(OptionReader options) {
    OhqOptions out =
        new OhqOptions(
            options.where(),
            Level.list(options, List.of("int4:g128", "int8:channel:sym")),
            Budget.from(options),
            options.real("max_latency", 0, 0, 1e9) / 1e6,
            options.real("alpha", 1, 0, 1e6),
            options.real("beta", 1, 0, 1e6),
            options.choice("mask_mode", Mask.ZERO, Mask.class),
            options.real("mask_ratio", 0.5, 0, 1),
            options.choice("calib", Calib.DATA, Calib.class),
            options.integer("samples", 8, 1, 1 << 16),
            options.integer("length", 64, 2, 1 << 16),
            options.choice("order", Deal.SCORE, Deal.class));
    if (out.alpha == 0 && out.beta == 0) {
      throw new NibbleException(out.where + ": alpha: and beta: cannot both be 0");
    }
    if (out.mask == Mask.ZERO && out.ratio == 0) {
      throw new NibbleException(out.where + ".mask_ratio: expected more than 0");
    }
    return out;
  }

  /** True when the machine has a say. */
  boolean timed() {
    return beta > 0 || maxSeconds > 0;
  }

  /** As the user would say it. */
  String target() {
    String size = budget.map(Budget::text).orElse("any size");
    return maxSeconds > 0 ? size + ", " + OhqStep.microseconds(maxSeconds) : size;
  }

  /** Everything that sensitivities depend on, besides the levels. */
  String key(Choices choices, int sequences) {
    return mask
        + " v1"
        + (mask == Mask.ZERO ? " ratio=" + ratio : "")
        + (calib == Calib.SYNTHETIC ? " synthetic length=" + length : "")
        + " samples="
        + sequences
        + " units="
        + choices.names();
  }
}
