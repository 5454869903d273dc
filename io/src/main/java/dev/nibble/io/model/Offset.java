package dev.nibble.io.model;

import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;

/** Vectors that a family stores with a constant taken off. */
final class Offset {
  private Offset() {}

  /** {@code vector + offset} as F32. */
  static DenseTensor added(PackedTensor vector, float offset) {
    float[] values = vector.toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] += offset;
    }
    return DenseTensor.of(values, values.length);
  }
}
