package dev.nibble.core.format;

import dev.nibble.core.NibbleException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The text forms of the formats that are defined by their name. */
final class FormatNames {
  private static final String ALLOWED =
      "int1 to int8, uint1 to uint8, fp4-e2m1 (or fp4), fp6-e2m3, fp6-e3m2, fp8-e4m3, fp8-e5m2 and"
          + " other fpN-eXmY, nf2 to nf8";

  private static final Pattern NUMBERED = Pattern.compile("(int|uint|nf)([1-8])");
  private static final Pattern FLOAT = Pattern.compile("fp([3-8])-e([1-5])m([0-6])");

  private FormatNames() {}

  static NumberFormat parse(String text) {
    String name = text.strip().toLowerCase(Locale.ROOT);
    Matcher numbered = NUMBERED.matcher(name);
    if (numbered.matches()) {
      int bits = Integer.parseInt(numbered.group(2));
      String kind = numbered.group(1);
      if (!kind.equals("nf")) {
        return new IntFormat(bits, kind.equals("int"));
      }
      if (bits >= 2) {
        return new NormalFloat(bits);
      }
    }
    if (name.equals("fp4")) {
      return new FloatFormat(2, 1);
    }
    Matcher floats = FLOAT.matcher(name);
    if (floats.matches()) {
      int exponent = Integer.parseInt(floats.group(2));
      int mantissa = Integer.parseInt(floats.group(3));
      if (1 + exponent + mantissa == Integer.parseInt(floats.group(1))) {
        return new FloatFormat(exponent, mantissa);
      }
    }
    throw new NibbleException(
        "\"" + text + "\" is not a number format; use one of " + ALLOWED + ".");
  }
}
