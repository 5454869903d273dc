package dev.nibble.core.format;

import dev.nibble.core.NibbleException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The text forms of the formats that are defined by their name. */
final class FormatNames {
  private static final String ALLOWED =
      "int1 to int8, uint1 to uint8, fp4-e2m1 (or fp4), fp6-e2m3, fp6-e3m2, fp8-e4m3, fp8-e5m2 and"
          + " other fpN-eXmY, nf2 to nf8, ternary, binary, pow2-2 to pow2-8, sqrt2-2 to sqrt2-8,"
          + " logN-BASE (as log4-1.5) and fixedN-FRACTION (as fixed8-6)";

  private static final Pattern NUMBERED = Pattern.compile("(int|uint|nf|pow2-|sqrt2-)([1-8])");
  private static final Pattern FLOAT = Pattern.compile("fp([3-8])-e([1-5])m([0-6])");
  private static final Pattern LOGARITHM =
      Pattern.compile("log([2-8])-([0-9]{1,3}(?:\\.[0-9]{1,16})?)");
  private static final Pattern FIXED = Pattern.compile("fixed([2-8])-([0-9]|1[0-6])");

  private FormatNames() {}

  static NumberFormat parse(String text) {
    String name = text.strip().toLowerCase(Locale.ROOT);
    NumberFormat format =
        switch (name) {
          case "fp4" -> new FloatFormat(2, 1);
          case "ternary" -> new Ternary();
          case "binary" -> new Binary();
          default -> pattern(name);
        };
    if (format == null) {
      throw new NibbleException(
          "\"" + text + "\" is not a number format; use one of " + ALLOWED + ".");
    }
    return format;
  }

  private static NumberFormat pattern(String name) {
    Matcher numbered = NUMBERED.matcher(name);
    if (numbered.matches()) {
      return numbered(numbered.group(1), Integer.parseInt(numbered.group(2)));
    }
    Matcher floats = FLOAT.matcher(name);
    if (floats.matches()) {
      int exponent = Integer.parseInt(floats.group(2));
      int mantissa = Integer.parseInt(floats.group(3));
      boolean consistent = 1 + exponent + mantissa == Integer.parseInt(floats.group(1));
      return consistent ? new FloatFormat(exponent, mantissa) : null;
    }
    Matcher logarithm = LOGARITHM.matcher(name);
    if (logarithm.matches()) {
      return new Logarithmic(
          Integer.parseInt(logarithm.group(1)), Double.parseDouble(logarithm.group(2)));
    }
    Matcher fixed = FIXED.matcher(name);
    return fixed.matches()
        ? new FixedPoint(Integer.parseInt(fixed.group(1)), Integer.parseInt(fixed.group(2)))
        : null;
  }

  private static NumberFormat numbered(String kind, int bits) {
    return switch (kind) {
      case "int" -> new IntFormat(bits, true);
      case "uint" -> new IntFormat(bits, false);
      case "nf" -> bits < 2 ? null : new NormalFloat(bits);
      case "pow2-" -> bits < 2 ? null : new PowerOfTwo(bits);
      default -> bits < 2 ? null : new PowerOfRootTwo(bits);
    };
  }
}
