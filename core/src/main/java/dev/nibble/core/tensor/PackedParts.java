package dev.nibble.core.tensor;

import dev.nibble.core.spec.QuantSpec;
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

  static MemorySegment scales(float[] scales, GroupLayout layout, QuantSpec spec) {
    requireLength("scales", layout.scales(), scales.length);
    MemorySegment stored =
        MemorySegment.ofArray(
            new byte[Math.multiplyExact(scales.length, spec.scaleFormat().bytes())]);
    for (int i = 0; i < scales.length; i++) {
      spec.scaleFormat().set(stored, i, scales[i]);
    }
    return stored;
  }

  static void requireLength(String what, long expected, int found) {
    if (found != expected) {
      throw new IllegalArgumentException("expected " + expected + " " + what + ", not " + found);
    }
  }
}
