package dev.nibble.compress.recipe;

import dev.nibble.core.NibbleException;

/**
 * Which text a recipe calibrates on.
 *
 * @param data {@code "bundled"}, the path of a text file, or a data-set id that the pipeline knows
 * @param samples number of sequences, 1 to 65536
 * @param length tokens of a sequence, 2 to 1048576; the pipeline shortens it to the model's context
 * @param seed chooses the sequences
 * @param expand every sequence is used so many times, turned each time by that fraction of its
 *     length, so that no text stands only where attention disfavours it (RSQ, dataset expansion); 1
 *     to 64
 */
public record Calibration(String data, int samples, int length, long seed, int expand) {

  /** 64 sequences of 512 tokens of the text that comes with Nibble. */
  public static final Calibration DEFAULT = new Calibration("bundled", 64, 512, 0, 1);

  /** Checks the ranges. */
  public Calibration {
    if (data.isBlank() || samples < 1 || length < 2 || expand < 1) {
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
            options.whole("seed", seed),
            options.integer("expand", DEFAULT.expand(), 1, 64));
    options.rejectUnknown();
    return out;
  }

  /** Tokens in all. */
  public long tokens() {
    return (long) samples * expand * length;
  }
}
