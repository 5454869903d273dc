package dev.nibble.pipeline.plan;

import dev.nibble.compress.Step.StoredForm;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TableTensor;
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

  /** A tensor as a step will store it; rows are all axes but the last. */
  static PackedTensor stored(long[] shape, StoredForm form) {
    QuantSpec spec = form.spec();
    int columns = Math.toIntExact(shape[shape.length - 1]);
    long rows = 1;
    for (int i = 0; i < shape.length - 1; i++) {
      rows *= shape[i];
    }
    long scales = spec.scaleCount(rows, columns);
    MemorySegment codes =
        bytes(Math.multiplyExact(rows, AffineTensor.rowStride(columns, spec.bits())));
    MemorySegment scaleBytes = bytes(scales * spec.scaleFormat().bytes());
    boolean perTensor = spec.granularity() == Granularity.TENSOR;
    if (!spec.affine()) {
      return new TableTensor(
          shape,
          spec.format().name(),
          spec.format().levels(),
          spec.bits(),
          spec.groupColumns(columns),
          spec.scaleFormat(),
          codes,
          scaleBytes);
    }
    return new AffineTensor(
        shape,
        spec.bits(),
        perTensor ? 0 : spec.groupColumns(columns),
        spec.scaleFormat(),
        codes,
        scaleBytes,
        spec.symmetric() ? null : bytes(AffineTensor.zeroBytes(scales, spec.bits())),
        form.groupIndex() ? MemorySegment.ofArray(new byte[4 * columns]) : null);
  }

  @SuppressWarnings("restricted") // never dereferenced
  private static MemorySegment bytes(long size) {
    return MemorySegment.NULL.reinterpret(size);
  }
}
