package dev.nibble.compress;

import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TableTensor;
import java.lang.foreign.MemorySegment;
import java.util.function.LongFunction;

/**
 * The form in which a step will store a weight: enough to know its type and its size before it is
 * there. One implementation for each kind of stored tensor, beside the solver that makes it.
 */
public interface StoredForm {

  /** Short name as the tensor itself gives it, {@code int4:g128:asym}. */
  String text();

  /**
   * A tensor of this form, of the right type and size but without content.
   *
   * @param shape logical shape; rows are all axes but the last
   * @param empty gives a segment of so many bytes that lies at no address and must not be read
   */
  PackedTensor sized(long[] shape, LongFunction<MemorySegment> empty);

  /** A tensor of this form that has no content; its segments lie at no address. */
  @SuppressWarnings("restricted") // never dereferenced
  default PackedTensor sized(long[] shape) {
    return sized(shape, size -> MemorySegment.NULL.reinterpret(size));
  }

  /**
   * False when the size depends on what the data will say (a threshold that decides how many values
   * are outliers): then {@link #sized} is a forecast, and the stored tensor may differ from it in
   * size and name.
   */
  default boolean exact() {
    return true;
  }

  /**
   * Stored as a spec says: affine for integers, else as codes into the table of the format's
   * levels.
   *
   * @param spec how its numbers are quantized
   * @param groupIndex columns are assigned to groups by a stored index (act-order without static
   *     groups)
   */
  record OfSpec(QuantSpec spec, boolean groupIndex) implements StoredForm {
    @Override
    public String text() {
      return spec.text();
    }

    @Override
    public PackedTensor sized(long[] shape, LongFunction<MemorySegment> empty) {
      int columns = Math.toIntExact(shape[shape.length - 1]);
      long rows = 1;
      for (int i = 0; i < shape.length - 1; i++) {
        rows *= shape[i];
      }
      long scales = spec.scaleCount(rows, columns);
      MemorySegment codes =
          empty.apply(Math.multiplyExact(rows, AffineTensor.rowStride(columns, spec.bits())));
      MemorySegment scaleBytes = empty.apply(scales * spec.scaleFormat().bytes());
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
          spec.granularity() == Granularity.TENSOR ? 0 : spec.groupColumns(columns),
          spec.scaleFormat(),
          codes,
          scaleBytes,
          spec.symmetric() ? null : empty.apply(AffineTensor.zeroBytes(scales, spec.bits())),
          groupIndex ? MemorySegment.ofArray(new byte[4 * columns]) : null);
    }
  }
}
