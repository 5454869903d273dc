package dev.nibble.eval.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;

/** How figures are written, alike on pages, terminals and in Markdown. NaN is an empty string. */
public final class Figures {
  private static final String[] PREFIXES = {"B", "kB", "MB", "GB", "TB", "PB"};

  private Figures() {}

  /** A figure with its unit. */
  public static String text(double value, Unit unit) {
    if (Double.isNaN(value)) {
      return "";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "∞" : "−∞";
    }
    String text =
        switch (unit) {
          case BYTES -> bytes(value);
          case BITS -> String.format(Locale.ROOT, "%.3f", value);
          case SECONDS -> seconds(value);
          case NATS, NUMBER -> significant(value, 3);
          case SHARE -> String.format(Locale.ROOT, "%.2f %%", 100 * value);
          case PERPLEXITY -> significant(value, 5);
          case DECIBELS -> String.format(Locale.ROOT, "%.1f dB", value);
          case COUNT -> String.format(Locale.ROOT, "%,d", Math.round(value)).replace(',', '\u202f');
        };
    return text.replaceFirst("^-(0(\\.0+)?(?![\\d.]))", "$1").replace('-', '−');
  }

  /** A figure with its standard error, as {@code 0.0123 ± 0.0004}; without one, the figure. */
  public static String withError(double value, double error, Unit unit) {
    String text = text(value, unit);
    if (Double.isNaN(error) || text.isEmpty()) {
      return text;
    }
    return switch (unit) {
      case SHARE ->
          String.format(Locale.ROOT, "%.2f ± %.2f %%", 100 * value, 100 * error).replace('-', '−');
      case BYTES, SECONDS, COUNT, BITS, DECIBELS -> text;
      case NATS, NUMBER, PERPLEXITY -> text + " ± " + significant(error, 2);
    };
  }

  /** {@code n} significant digits, in plain notation where that stays short. */
  static String significant(double value, int n) {
    double size = Math.abs(value);
    if (size == 0) {
      return "0";
    }
    BigDecimal rounded = new BigDecimal(size).round(new MathContext(n));
    int exponent = rounded.precision() - rounded.scale() - 1;
    if (exponent >= 9 || exponent < -5) {
      return String.format(Locale.ROOT, "%." + (n - 1) + "e", value);
    }
    return String.format(Locale.ROOT, "%." + Math.max(0, n - 1 - exponent) + "f", value);
  }

  /** Ratio of squares as decibels. */
  public static double decibels(double ratio) {
    return 10 * Math.log10(ratio);
  }

  private static String bytes(double value) {
    double rest = Math.abs(value);
    int prefix = 0;
    while (rest >= 999.5 && prefix < PREFIXES.length - 1) {
      rest /= 1000;
      prefix++;
    }
    String number = prefix == 0 ? String.format(Locale.ROOT, "%.0f", rest) : significant(rest, 3);
    return (value < 0 ? "-" : "") + number + " " + PREFIXES[prefix];
  }

  private static String seconds(double value) {
    if (value < 59.95) {
      return String.format(Locale.ROOT, value < 9.995 ? "%.2f s" : "%.1f s", value);
    }
    long whole = Math.round(value);
    return whole < 3600
        ? String.format(Locale.ROOT, "%d min %02d s", whole / 60, whole % 60)
        : String.format(Locale.ROOT, "%d h %02d min", whole / 3600, whole % 3600 / 60);
  }
}
