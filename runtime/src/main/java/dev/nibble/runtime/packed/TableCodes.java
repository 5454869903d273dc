package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BitPacking;
import dev.nibble.core.tensor.TableTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * Codes into 16 levels. A level becomes an integer from −127 to 127 times a step: exact for formats
 * whose levels are multiples of one number (fp4, mxfp4), else rounded to a 127th of the largest
 * (nf4), which is a sixteenth of the distance of neighbouring levels or less.
 */
final class TableCodes implements CodeRows {
  private static final int MOST = 127;
  private static final int ZERO = 128;

  private final TableTensor weight;
  private final PackedFormat format;
  private final int groupColumns;
  private final byte[] table = new byte[PackedFormat.TABLE];
  private final float step;

  private TableCodes(TableTensor weight, int groupColumns) {
    this.weight = weight;
    this.groupColumns = groupColumns;
    int shared = Math.min(128, Integer.lowestOneBit(groupColumns));
    this.format = new PackedFormat(4, shared, false, true);
    float[] levels = weight.levels();
    float largest = 0;
    for (float level : levels) {
      largest = Math.max(largest, Math.abs(level));
    }
    this.step = step(levels, largest);
    for (int i = 0; i < table.length; i++) {
      table[i] = (byte) (ZERO + Math.round(levels[i] / step));
    }
  }

  /** The largest step of which all levels are multiples, or a 127th of the largest. */
  private static float step(float[] levels, float largest) {
    for (int parts = 1; parts <= MOST; parts++) {
      float step = largest / parts;
      boolean exact = true;
      for (float level : levels) {
        exact &= step * Math.round(level / step) == level;
      }
      if (exact) {
        return step;
      }
    }
    return largest / MOST;
  }

  /** Nothing for other tables and for groups that are not multiples of 16 columns. */
  static Optional<CodeRows> of(TableTensor weight) {
    int columns = weight.columns();
    int group = weight.groupSize() == 0 ? columns : Math.min(columns, weight.groupSize());
    if (weight.bits() != 4 || group % 16 != 0 || columns % group != 0) {
      return Optional.empty();
    }
    for (float level : weight.levels()) {
      if (!Float.isFinite(level)) {
        return Optional.empty();
      }
    }
    return Optional.of(new TableCodes(weight, group));
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
  public byte[] table() {
    return table.clone();
  }

  @Override
  public void read(int row, byte[] codes, float[] scales, float[] mins) {
    int stride = Math.toIntExact(AffineTensor.rowStride(weight.columns(), weight.bits()));
    byte[] packed = new byte[stride];
    MemorySegment.copy(
        weight.codes(), ValueLayout.JAVA_BYTE, (long) row * stride, packed, 0, stride);
    BitPacking.unpack(packed, 0, weight.columns(), weight.bits(), codes);
    int groups = weight.columns() / groupColumns;
    for (int g = 0; g < groups; g++) {
      long index = weight.groupSize() == 0 ? 0 : (long) row * groups + g;
      scales[g] = step * weight.scaleFormat().get(weight.scales(), index);
    }
  }
}
