package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.AffineTensor;
import java.util.Optional;

/** Affine codes; a zero-point z becomes the min {@code -scale·z}. */
final class AffineCodes extends BitRows {
  private final AffineTensor weight;

  private AffineCodes(AffineTensor weight, int groupColumns) {
    super(
        weight.codes(), weight.columns(), weight.bits(), groupColumns, !weight.symmetric(), false);
    this.weight = weight;
  }

  /** Nothing for groups that are not multiples of 16 columns and for reordered columns. */
  static Optional<CodeRows> of(AffineTensor weight) {
    int group = groupColumns(weight.columns(), weight.groupSize());
    return group == 0 || weight.groupIndex() != null
        ? Optional.empty()
        : Optional.of(new AffineCodes(weight, group));
  }

  @Override
  public void scales(int row, int count, byte[] buffer, float[] scales, float[] mins) {
    int groups = groups();
    for (int i = 0; i < count * groups; i++) {
      scales[i] = weight.scale(row + i / groups, i % groups);
      if (format().mins()) {
        mins[i] = -scales[i] * weight.zero(row + i / groups, i % groups);
      }
    }
  }
}
