package dev.nibble.core.spec;

import dev.nibble.core.NibbleException;
import dev.nibble.core.format.IntFormat;
import dev.nibble.core.format.NumberFormat;
import java.util.Locale;
import java.util.Map;

/** Parser and printer of {@link QuantSpec}'s text form. */
final class SpecText {
  /** Names of published formats, each standing for a canonical text of parts. */
  private static final Map<String, String> ALIASES =
      Map.of(
          "mxfp4", "fp4-e2m1:g32:e8m0",
          "mxfp6-e2m3", "fp6-e2m3:g32:e8m0",
          "mxfp6-e3m2", "fp6-e3m2:g32:e8m0",
          "mxfp8-e4m3", "fp8-e4m3:g32:e8m0",
          "mxfp8-e5m2", "fp8-e5m2:g32:e8m0",
          "mxint8", "fixed8-6:g32:e8m0",
          "nvfp4", "fp4-e2m1:g16:e4m3");

  private SpecText() {}

  static QuantSpec parse(String text) {
    String[] parts = text.strip().toLowerCase(Locale.ROOT).split(":", -1);
    try {
      String alias = ALIASES.get(parts[0]);
      if (alias == null) {
        return parse(parts);
      }
      if (parts.length > 1) {
        throw new NibbleException(
            parts[0] + " takes no further parts; it stands for " + alias + ".");
      }
      return parse(alias.split(":", -1));
    } catch (NibbleException e) {
      throw new NibbleException("quantization spec \"" + text + "\": " + e.getMessage());
    }
  }

  /** The alias of a text of parts, or the text itself. */
  static String shortest(String text) {
    for (Map.Entry<String, String> alias : ALIASES.entrySet()) {
      if (alias.getValue().equals(text)) {
        return alias.getKey();
      }
    }
    return text;
  }

  private static QuantSpec parse(String[] parts) {
    NumberFormat format = NumberFormat.parse(parts[0]);
    Granularity granularity = null;
    int groupSize = 0;
    Boolean symmetric = null;
    ScaleFormat scale = null;
    for (int i = 1; i < parts.length; i++) {
      String part = parts[i];
      Object seen = null;
      switch (part) {
        case "sym", "asym" -> {
          seen = symmetric;
          symmetric = part.equals("sym");
        }
        case "fp32", "fp16", "bf16", "e8m0", "e4m3" -> {
          seen = scale;
          scale = ScaleFormat.valueOf(part.toUpperCase(Locale.ROOT));
        }
        case "tensor", "channel", "token", "head", "timestep" -> {
          seen = granularity;
          granularity = Granularity.valueOf(part.toUpperCase(Locale.ROOT));
        }
        default -> {
          seen = granularity;
          groupSize = groupSize(part);
          granularity = Granularity.GROUP;
        }
      }
      if (seen != null) {
        throw new NibbleException("\"" + part + "\" says a thing twice; leave one of the two out.");
      }
    }
    return assemble(format, granularity, groupSize, symmetric, scale);
  }

  private static QuantSpec assemble(
      NumberFormat format,
      Granularity granularity,
      int groupSize,
      Boolean symmetric,
      ScaleFormat scale) {
    boolean sym =
        symmetric != null ? symmetric : !(format instanceof IntFormat) || format.bits() == 8;
    Granularity shared = granularity == null ? Granularity.CHANNEL : granularity;
    if (shared == Granularity.GROUP && scale == ScaleFormat.E8M0) {
      shared = Granularity.BLOCK;
    }
    return new QuantSpec(format, shared, groupSize, sym, scale == null ? ScaleFormat.FP16 : scale);
  }

  private static int groupSize(String part) {
    if (part.matches("g[1-9][0-9]{0,8}")) {
      return Integer.parseInt(part.substring(1));
    }
    if (part.equals("dq")) {
      throw new NibbleException(
          "scales that are quantized themselves (\"dq\") cannot be stored yet; leave it out, or use"
              + " one-byte scales with :e4m3.");
    }
    throw new NibbleException(
        "\""
            + part
            + "\" is not understood; allowed after the format are tensor, channel or gN (as g128),"
            + " sym or asym, and the scale type fp16, bf16, fp32, e8m0 or e4m3.");
  }

  static String text(QuantSpec spec) {
    String shared =
        switch (spec.granularity()) {
          case GROUP, BLOCK -> "g" + spec.groupSize();
          default -> spec.granularity().name().toLowerCase(Locale.ROOT);
        };
    String symmetry = spec.affine() ? (spec.symmetric() ? ":sym" : ":asym") : "";
    return QuantSpec.text(spec.format().name(), shared, symmetry, spec.scaleFormat());
  }

  /** The scale part of a text, which fp16 does without. */
  static String suffix(ScaleFormat format) {
    return format == ScaleFormat.FP16 ? "" : ":" + format.name().toLowerCase(Locale.ROOT);
  }
}
