package dev.nibble.io.file;

import dev.nibble.core.NibbleException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Amounts of bytes as people write them: {@code 6g}, {@code 800m}, {@code 1.5 GiB}. */
public final class ByteCount {
  private static final Pattern FORM =
      Pattern.compile("\\s*(\\d+(?:\\.\\d+)?)\\s*([kmgt]?)(?:i?b)?\\s*", Pattern.CASE_INSENSITIVE);
  private static final String UNITS = "kmgt";

  private ByteCount() {}

  /**
   * Reads an amount; {@code k}, {@code m}, {@code g} and {@code t} are powers of 1024.
   *
   * @throws NibbleException quoting the text when it is none, or is not positive
   */
  public static long parse(String text) {
    Matcher m = FORM.matcher(text);
    double value = m.matches() ? Double.parseDouble(m.group(1)) : 0;
    if (m.matches() && !m.group(2).isEmpty()) {
      int power = UNITS.indexOf(m.group(2).toLowerCase(Locale.ROOT)) + 1;
      value *= Math.pow(1024, power);
    }
    if (!(value >= 1) || value > (double) (1L << 62)) {
      throw new NibbleException(
          "\"" + text + "\" is not an amount of bytes; write it as 6g, 800m or 1.5GiB");
    }
    return Math.round(value);
  }

  /** Three significant digits with a binary unit, as {@code 5.86 MiB}. */
  public static String text(long bytes) {
    if (bytes < 1024) {
      return bytes + " B";
    }
    double value = bytes;
    int power = -1;
    while (value >= 1023.5 && power < UNITS.length() - 1) {
      value /= 1024;
      power++;
    }
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return String.format(
        Locale.ROOT, "%." + decimals + "f %siB", value, Character.toUpperCase(UNITS.charAt(power)));
  }
}
