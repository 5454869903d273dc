package dev.nibble.core.spec;

import dev.nibble.core.NibbleException;
import dev.nibble.core.format.Binary;
import dev.nibble.core.format.IntFormat;
import dev.nibble.core.format.NumberFormat;

/** Which parts of a spec go together. */
final class SpecRules {
  private SpecRules() {}

  static void check(
      NumberFormat format,
      Granularity granularity,
      int groupSize,
      boolean symmetric,
      ScaleFormat scaleFormat) {
    boolean grouped = granularity == Granularity.GROUP || granularity == Granularity.BLOCK;
    switch (granularity) {
      case TOKEN, HEAD, TIMESTEP ->
          throw new NibbleException(
              granularity.name().toLowerCase(java.util.Locale.ROOT)
                  + " scales belong to activations; a weight takes tensor, channel or a group as"
                  + " g128.");
      default -> {}
    }
    if (grouped ? groupSize < 1 : groupSize != 0) {
      throw new NibbleException(
          "group size " + groupSize + " does not fit; use g1 or more, channel or tensor.");
    }
    if ((scaleFormat == ScaleFormat.E8M0) != (granularity == Granularity.BLOCK)) {
      throw new NibbleException(
          "e8m0 scales go with blocks, as in mxfp4 or int8:g32:sym:e8m0, and with nothing else.");
    }
    if (format instanceof IntFormat integers) {
      checkIntegers(integers, symmetric, scaleFormat);
    } else {
      checkTable(format, granularity, symmetric);
    }
  }

  private static void checkIntegers(IntFormat format, boolean symmetric, ScaleFormat scaleFormat) {
    if (scaleFormat == ScaleFormat.E4M3) {
      throw new NibbleException(
          "e4m3 scales need a scale of the tensor besides, which integers have no place for; use"
              + " fp16, or a table format as nvfp4.");
    }
    if (!format.signed()) {
      throw new NibbleException(
          format.name()
              + " is not a way to store weights; write int"
              + format.bits()
              + " with :asym, whose codes are unsigned.");
    }
    if (format.bits() == 1 && symmetric) {
      throw new NibbleException("int1 has no symmetric grid; use int1 with :asym.");
    }
  }

  private static void checkTable(NumberFormat format, Granularity granularity, boolean symmetric) {
    if (!symmetric) {
      throw new NibbleException(
          format.name() + " has no zero-point; leave :asym out or use an int format.");
    }
    if (format instanceof Binary && granularity == Granularity.BLOCK) {
      throw new NibbleException(
          "binary needs a scale that can be 0, which e8m0 cannot; use fp16 or bf16.");
    }
    if (granularity == Granularity.TENSOR) {
      throw new NibbleException(
          format.name() + " is stored with a scale per channel or group; use channel or g64.");
    }
  }
}
