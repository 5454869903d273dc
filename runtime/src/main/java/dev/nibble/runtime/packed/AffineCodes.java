package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedFormat;
import java.util.Optional;

/** Affine codes; a zero-point z becomes the min {@code -scale·z}. */
final class AffineCodes implements CodeRows {
  private final AffineTensor weight;
  private final BitRows stream;
  private final PackedFormat format;
  private final int groupColumns;

  private AffineCodes(AffineTensor weight, PackedFormat format, int groupColumns) {
    this.weight = weight;
    this.stream = new BitRows(weight.codes(), weight.columns(), weight.bits());
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
  public int bufferBytes(int count) {
    return stream.bufferBytes(count);
  }

  @Override
  public void load(int row, int count, byte[] buffer) {
    stream.load(row, count, buffer);
  }

  @Override
  public void codes(int count, byte[] buffer, long[] eights) {
    stream.codes(count, buffer, eights);
  }

  @Override
  public void scales(int row, int count, byte[] buffer, float[] scales, float[] mins) {
    int groups = weight.columns() / groupColumns;
    for (int i = 0; i < count * groups; i++) {
      scales[i] = weight.scale(row + i / groups, i % groups);
      if (format.mins()) {
        mins[i] = -scales[i] * weight.zero(row + i / groups, i % groups);
      }
    }
  }
}
