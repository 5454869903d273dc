package dev.nibble.core.tensor;

import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Builds {@link AffineTensor}s from plain arrays, on the heap. */
public final class AffinePacker {
  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private AffinePacker() {}

  /**
   * Packs codes that were computed with exactly these scales.
   *
   * @param shape logical shape; rows and columns as in {@link PackedTensor}
   * @param spec an affine spec
   * @param codes unsigned, {@code [rows, columns]}; bits above {@code spec.bits()} are ignored
   * @param scales {@code [rows, G]}, each a value of the spec's scale format; one for TENSOR
   * @param zeros {@code [rows, G]} in {@code [0, 2^bits)}; null exactly for symmetric specs
   * @param groupIndex group of each column, or null for consecutive groups
   * @throws IllegalArgumentException when a length, scale or zero-point breaks these rules
   */
  public static AffineTensor pack(
      long[] shape, QuantSpec spec, byte[] codes, float[] scales, int[] zeros, int[] groupIndex) {
    if (!spec.affine()) {
      throw new IllegalArgumentException(spec.text() + " is not an affine spec");
    }
    if (spec.symmetric() != (zeros == null)) {
      throw new IllegalArgumentException(spec.text() + " and the zero-points do not agree");
    }
    GroupLayout sized = GroupLayout.of(shape, 0);
    int groupSize =
        spec.granularity() == Granularity.TENSOR ? 0 : spec.groupColumns(sized.columns());
    GroupLayout layout = GroupLayout.of(shape, groupSize);
    return new AffineTensor(
        shape,
        spec.bits(),
        groupSize,
        spec.scaleFormat(),
        PackedParts.codes(codes, layout, spec.bits()),
        PackedParts.scales(scales, layout, spec.scaleFormat()),
        zeros == null ? null : zeros(zeros, layout, spec.bits()),
        groupIndex == null ? null : index(groupIndex, layout));
  }

  private static MemorySegment zeros(int[] zeros, GroupLayout layout, int bits) {
    PackedParts.requireLength("zero-points", layout.scales(), zeros.length);
    byte[] narrow = new byte[zeros.length];
    for (int i = 0; i < zeros.length; i++) {
      if (zeros[i] < 0 || zeros[i] >= 1 << bits) {
        throw new IllegalArgumentException(
            "zero-point " + zeros[i] + " does not fit " + bits + " bits");
      }
      narrow[i] = (byte) zeros[i];
    }
    byte[] packed = new byte[Math.toIntExact(BitPacking.paddedBytes(zeros.length, bits))];
    BitPacking.pack(narrow, 0, narrow.length, bits, packed, 0);
    return MemorySegment.ofArray(packed);
  }

  private static MemorySegment index(int[] groupIndex, GroupLayout layout) {
    PackedParts.requireLength("group indices", layout.columns(), groupIndex.length);
    MemorySegment stored =
        MemorySegment.ofArray(new byte[Math.multiplyExact(4, groupIndex.length)]);
    for (int c = 0; c < groupIndex.length; c++) {
      stored.set(LE32, 4L * c, groupIndex[c]);
    }
    return stored;
  }
}
