package dev.nibble.compress.allocate;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.io.file.ByteCount;
import java.math.BigDecimal;
import java.util.Locale;
import java.util.Optional;

/**
 * How much an allocator may spend.
 *
 * <pre>
 * bits: 3.5        # stored bits for each weight that is allocated, scales and all
 * size: 1.9MB      # bytes of the whole weights file: header, embedding, norms, everything
 * </pre>
 */
sealed interface Budget {

  /** Stored bits a weight over all units. */
  record Bits(double bits, String where) implements Budget {
    @Override
    public String text() {
      return BigDecimal.valueOf(bits).stripTrailingZeros().toPlainString() + " bits";
    }

    @Override
    public boolean fits(Choices choices, int[] choice) {
      return 8.0 * choices.bytes(choice) <= bits * choices.weights();
    }

    @Override
    public String least(Choices choices) {
      double least = 8.0 * choices.bytes(choices.uniform(0)) / choices.weights();
      return String.format(Locale.ROOT, "%.4f bits", Math.ceil(least * 1e4) / 1e4);
    }

    @Override
    public long capacity(Choices choices, int[] like) {
      return (long) Math.floor(bits * choices.weights() / 8);
    }
  }

  /** Bytes of the whole file. */
  record Size(long bytes, String where) implements Budget {
    @Override
    public String text() {
      return ByteCount.text(bytes);
    }

    @Override
    public boolean fits(Choices choices, int[] choice) {
      return choices.fileBytes(choice) <= bytes;
    }

    @Override
    public String least(Choices choices) {
      return choices.fileBytes(choices.uniform(0)) + " bytes";
    }

    @Override
    public long capacity(Choices choices, int[] like) {
      return bytes - (choices.fileBytes(like) - choices.bytes(like));
    }
  }

  /** Path of the step's options, for messages. */
  String where();

  /** As the user would say it. */
  String text();

  /** True when a choice keeps within the budget. */
  boolean fits(Choices choices, int[] choice);

  /** The least that can be reached. */
  String least(Choices choices);

  /** Bytes that the units may have together, if headers are as under the choice {@code like}. */
  long capacity(Choices choices, int[] like);

  /** Refuses a budget that the smallest levels exceed. */
  default void requireReachable(Choices choices) {
    if (!fits(choices, choices.uniform(0))) {
      throw new NibbleException(
          where()
              + ": "
              + text()
              + " cannot be reached; with everything at "
              + choices.levels().getFirst().text()
              + " it is "
              + least(choices)
              + ", so ask for that or more, or give smaller levels:",
          NibbleException.USAGE,
          null);
    }
  }

  /**
   * The options {@code bits} and {@code size}.
   *
   * @return empty when neither is there
   */
  static Optional<Budget> from(OptionReader options) {
    double bits = options.real("bits", 0, 0, 32);
    String size = options.text("size", null);
    if (bits > 0 && size != null) {
      throw new NibbleException(options.where() + ": give bits: or size:, not both");
    }
    if (size != null) {
      return Optional.of(new Size(bytes(size, options.where()), options.where() + ".size"));
    }
    return bits > 0 ? Optional.of(new Bits(bits, options.where() + ".bits")) : Optional.empty();
  }

  private static long bytes(String text, String where) {
    try {
      return ByteCount.parse(text);
    } catch (NibbleException e) {
      throw new NibbleException(where + ".size: " + e.getMessage(), NibbleException.USAGE, e);
    }
  }
}
