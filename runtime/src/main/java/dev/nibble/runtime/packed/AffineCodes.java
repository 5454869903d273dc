package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BitPacking;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** Affine codes; a zero-point z becomes the min {@code -scale·z}. */
final class AffineCodes implements CodeRows {
  private final AffineTensor weight;
  private final PackedFormat format;
  private final int groupColumns;

  private AffineCodes(AffineTensor weight, PackedFormat format, int groupColumns) {
    this.weight = weight;
    this.format = format;
    this.groupColumns = groupColumns;
  }

  /** Nothing for groups that are not multiples of 16 columns and for reordered columns. */
  static Optional<CodeRows> of(AffineTensor weight) {
    int columns = weight.columns();
    int group = weight.groupSize() == 0 ? columns : Math.min(columns, weight.groupSize());
    boolean whole = group % 16 == 0 && columns % group == 0;
    if (!whole || weight.groupIndex() != null) {
      return Optional.empty();
    }
    int shared = Math.min(128, Integer.lowestOneBit(group));
    PackedFormat format = new PackedFormat(weight.bits(), shared, !weight.symmetric());
    return Optional.of(new AffineCodes(weight, format, group));
  }

  @Override
  public PackedFormat format() {
    return format;
  }

  @Override
  public int groupColumns() {
    return groupColumns;
  }

  @Override
  public void read(int row, byte[] codes, float[] scales, float[] mins) {
    long stride = AffineTensor.rowStride(weight.columns(), weight.bits());
    byte[] packed = new byte[Math.toIntExact(stride)];
    MemorySegment.copy(
        weight.codes(), ValueLayout.JAVA_BYTE, row * stride, packed, 0, packed.length);
    BitPacking.unpack(packed, 0, weight.columns(), weight.bits(), codes);
    int groups = weight.columns() / groupColumns;
    for (int g = 0; g < groups; g++) {
      scales[g] = weight.scale(row, g);
      mins[g] = format.mins() ? -scales[g] * weight.zero(row, g) : 0;
    }
  }
}
