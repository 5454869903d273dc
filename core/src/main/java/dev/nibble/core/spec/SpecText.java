package dev.nibble.core.spec;

import dev.nibble.core.NibbleException;
import dev.nibble.core.format.FloatFormat;
import dev.nibble.core.format.IntFormat;
import dev.nibble.core.format.NumberFormat;
import java.util.Locale;
import java.util.Map;

/** Parser and printer of {@link QuantSpec}'s text form. */
final class SpecText {
  private static final int MX_BLOCK = 32;

  private static final Map<String, NumberFormat> BLOCKS =
      Map.of(
          "mxfp4", new FloatFormat(2, 1),
          "mxfp6-e2m3", new FloatFormat(2, 3),
          "mxfp6-e3m2", new FloatFormat(3, 2),
          "mxfp8-e4m3", new FloatFormat(4, 3),
          "mxfp8-e5m2", new FloatFormat(5, 2));

  private SpecText() {}

  static QuantSpec parse(String text) {
    String[] parts = text.strip().toLowerCase(Locale.ROOT).split(":", -1);
    try {
      if (BLOCKS.containsKey(parts[0])) {
        if (parts.length > 1) {
          throw new NibbleException(parts[0] + " takes no further parts.");
        }
        return block(BLOCKS.get(parts[0]));
      }
      return parse(parts);
    } catch (NibbleException e) {
      throw new NibbleException("quantization spec \"" + text + "\": " + e.getMessage());
    }
  }

  private static QuantSpec block(NumberFormat format) {
    return new QuantSpec(format, Granularity.BLOCK, MX_BLOCK, true, ScaleFormat.E8M0);
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
    for (Map.Entry<String, NumberFormat> mx : BLOCKS.entrySet()) {
      if (spec.equals(block(mx.getValue()))) {
        return mx.getKey();
      }
    }
    StringBuilder out = new StringBuilder(spec.format().name()).append(':');
    switch (spec.granularity()) {
      case GROUP, BLOCK -> out.append('g').append(spec.groupSize());
      default -> out.append(spec.granularity().name().toLowerCase(Locale.ROOT));
    }
    if (spec.affine()) {
      out.append(spec.symmetric() ? ":sym" : ":asym");
    }
    if (spec.scaleFormat() != ScaleFormat.FP16) {
      out.append(':').append(spec.scaleFormat().name().toLowerCase(Locale.ROOT));
    }
    return out.toString();
  }
}
