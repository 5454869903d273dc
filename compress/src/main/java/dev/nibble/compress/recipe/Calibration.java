package dev.nibble.compress.recipe;

import dev.nibble.core.NibbleException;

/**
 * Which text a recipe calibrates on.
 *
 * @param data {@code "bundled"}, the path of a text file, or a data-set id that the pipeline knows
 * @param samples number of sequences, 1 to 65536
 * @param length tokens of a sequence, 2 to 1048576; the pipeline shortens it to the model's context
 * @param seed chooses the sequences
 */
public record Calibration(String data, int samples, int length, long seed) {

  /** 64 sequences of 512 tokens of the text that comes with Nibble. */
  public static final Calibration DEFAULT = new Calibration("bundled", 64, 512, 0);

  /** Checks the ranges. */
  public Calibration {
    if (data.isBlank() || samples < 1 || length < 2) {
      throw new IllegalArgumentException("empty calibration");
    }
  }

  /**
   * From the {@code calibration:} map of a recipe; {@code seed} is the recipe's own, the default.
   */
  static Calibration from(OptionReader options, long seed) {
    String data = options.text("data", DEFAULT.data());
    if (data.isBlank()) {
      throw new NibbleException(
          options.where() + ".data: is blank; write \"bundled\", a text file or a data-set id");
    }
    Calibration out =
        new Calibration(
            data,
            options.integer("samples", DEFAULT.samples(), 1, 1 << 16),
            options.integer("length", DEFAULT.length(), 2, 1 << 20),
            options.whole("seed", seed));
    options.rejectUnknown();
    return out;
  }

  /** Tokens in all. */
  public long tokens() {
    return (long) samples * length;
  }
}
