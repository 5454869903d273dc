package dev.nibble.pipeline.plan;

import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;

/**
 * Tensors that have a type, a shape and a size, but no content: they let the writer of a file say
 * how large it will be. Their segments lie at no address and must not be read.
 */
final class SizedTensor {
  private SizedTensor() {}

  /** A plain tensor. */
  static PackedTensor dense(long[] shape, DType dtype) {
    long elements = 1;
    for (long d : shape) {
      elements = Math.multiplyExact(elements, d);
    }
    return new DenseTensor(shape, dtype, bytes(Math.multiplyExact(elements, (long) dtype.bytes())));
  }

  @SuppressWarnings("restricted") // never dereferenced
  private static MemorySegment bytes(long size) {
    return MemorySegment.NULL.reinterpret(size);
  }
}
