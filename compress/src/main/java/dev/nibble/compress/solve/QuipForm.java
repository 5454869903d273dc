package dev.nibble.compress.solve;

import dev.nibble.compress.StoredForm;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TableTensor;
import java.lang.foreign.MemorySegment;
import java.util.function.LongFunction;

/** What {@code quip} stores besides the forms of specs. */
sealed interface QuipForm extends StoredForm {

  /**
   * {@code value = σ · (2c / (2^bits - 1) - 1)}: even steps on both sides of zero, one fp32 σ for
   * the matrix.
   */
  record MidRise(int bits) implements QuipForm {
    /** Levels before σ. */
    float[] levels() {
      float[] out = new float[1 << bits];
      for (int c = 0; c < out.length; c++) {
        out[c] = 2f * c / (out.length - 1) - 1;
      }
      return out;
    }

    String name() {
      return "midrise" + bits;
    }

    @Override
    public String text() {
      return QuantSpec.text(name(), "tensor", "", ScaleFormat.FP32);
    }

    @Override
    public PackedTensor sized(long[] shape, LongFunction<MemorySegment> empty) {
      int columns = Math.toIntExact(shape[1]);
      return new TableTensor(
          shape,
          name(),
          levels(),
          bits,
          0,
          ScaleFormat.FP32,
          empty.apply(Math.multiplyExact(shape[0], AffineTensor.rowStride(columns, bits))),
          empty.apply(ScaleFormat.FP32.bytes()));
    }
  }

  /** Plain half precision. */
  record Half() implements QuipForm {
    @Override
    public String text() {
      return "f16";
    }

    @Override
    public PackedTensor sized(long[] shape, LongFunction<MemorySegment> empty) {
      return new DenseTensor(shape, DType.F16, empty.apply(2 * shape[0] * shape[1]));
    }
  }
}
