package dev.nibble.compress.block;

import dev.nibble.core.tensor.DType;
import java.util.Optional;

/**
 * How a tensor is going to be stored.
 *
 * @param name canonical name
 * @param shape logical shape
 * @param type short name of the stored type, as {@code int4:g128:asym} or {@code bf16}
 * @param bytes stored size, everything counted
 * @param dense element type when no step stores the tensor and it stays plain
 */
public record PlannedTensor(
    String name, long[] shape, String type, long bytes, Optional<DType> dense) {
  /** Copies the array. */
  public PlannedTensor {
    shape = shape.clone();
  }

  @Override
  public long[] shape() {
    return shape.clone();
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
