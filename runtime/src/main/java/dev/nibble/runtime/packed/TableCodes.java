package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.core.tensor.TableTensor;
import java.util.Optional;

/**
 * Codes into 16 levels. A level becomes an integer from −127 to 127 times a step: exact for formats
 * whose levels are multiples of one number (fp4, mxfp4), else rounded to a 127th of the largest
 * (nf4), which is a sixteenth of the distance of neighbouring levels or less.
 */
final class TableCodes extends BitRows {
  private static final int MOST = 127;
  private static final int ZERO = 128;

  private final TableTensor weight;
  private final byte[] table = new byte[PackedFormat.TABLE];
  private final float step;

  private TableCodes(TableTensor weight, int groupColumns) {
    super(weight.codes(), weight.columns(), weight.bits(), groupColumns, false, true);
    this.weight = weight;
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
    int group = groupColumns(weight.columns(), weight.groupSize());
    if (weight.bits() != 4 || group == 0) {
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
  public byte[] table() {
    return table.clone();
  }

  @Override
  public void scales(int row, int count, byte[] buffer, float[] scales, float[] mins) {
    int groups = groups();
    for (int i = 0; i < count * groups; i++) {
      long index = weight.groupSize() == 0 ? 0 : (long) row * groups + i;
      scales[i] = step * weight.scaleFormat().get(weight.scales(), index);
    }
  }
}
