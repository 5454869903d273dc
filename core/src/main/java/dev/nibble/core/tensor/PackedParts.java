package dev.nibble.core.tensor;

import dev.nibble.core.spec.ScaleFormat;
import java.lang.foreign.MemorySegment;

/** What both packers do: codes to bit streams, scales to their stored format. */
final class PackedParts {
  private PackedParts() {}

  static MemorySegment codes(byte[] codes, GroupLayout layout, int bits) {
    int columns = layout.columns();
    requireLength("codes", layout.rows() * columns, codes.length);
    byte[] packed = new byte[Math.toIntExact(layout.codeBytes(bits))];
    int stride = (int) BitPacking.paddedBytes(columns, bits);
    for (int r = 0; r < layout.rows(); r++) {
      BitPacking.pack(codes, r * columns, columns, bits, packed, r * stride);
    }
    return MemorySegment.ofArray(packed);
  }

  static MemorySegment scales(float[] scales, GroupLayout layout, ScaleFormat format) {
    requireLength("scales", layout.scales(), scales.length);
    return floats(scales, format);
  }

  static MemorySegment floats(float[] values, ScaleFormat format) {
    MemorySegment stored =
        MemorySegment.ofArray(new byte[Math.multiplyExact(values.length, format.bytes())]);
    for (int i = 0; i < values.length; i++) {
      format.set(stored, i, values[i]);
    }
    return stored;
  }

  static void requireLength(String what, long expected, int found) {
    if (found != expected) {
      throw new IllegalArgumentException("expected " + expected + " " + what + ", not " + found);
    }
  }
}
