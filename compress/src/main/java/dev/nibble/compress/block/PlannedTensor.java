package dev.nibble.compress.block;

import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.PackedTensor;
import java.util.Optional;

/**
 * How a tensor is going to be stored.
 *
 * @param name canonical name
 * @param shape logical shape
 * @param type short name of the stored type, as {@code int4:g128:asym} or {@code bf16}
 * @param bytes stored size, everything counted
 * @param dense element type when no step stores the tensor and it stays plain
 * @param exact false when type and size are a forecast, because the data decide
 */
public record PlannedTensor(
    String name, long[] shape, String type, long bytes, Optional<DType> dense, boolean exact) {
  /** Copies the array. */
  public PlannedTensor {
    shape = shape.clone();
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }

  /** The same with type and size of what was stored. */
  public PlannedTensor as(PackedTensor stored) {
    return new PlannedTensor(name, shape, stored.typeName(), stored.byteSize(), dense, true);
  }

  /** Number of values. */
  public long elements() {
    long elements = 1;
    for (long d : shape) {
      elements = Math.multiplyExact(elements, d);
    }
    return elements;
  }
}
