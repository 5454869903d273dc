package dev.nibble.compress.transform;

import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import org.bytedeco.pytorch.Tensor;

/** Round-to-nearest of a weight, dequantized again: what a trial scaling would be stored as. */
final class RoundedWeight {
  /** Elements of a band; bands do not depend on the number of threads. */
  private static final int BAND = 1 << 16;

  private final QuantSpec spec;
  private final RoundingOptions options;
  private final Workers workers;

  RoundedWeight(QuantSpec spec, RoundingOptions options, Workers workers) {
    this.spec = spec;
    this.options = options;
    this.workers = workers;
  }

  /** Columns that share a scale. */
  int groupColumns(int columns) {
    return spec.groupColumns(columns);
  }

  /**
   * The rounded values as a new tensor. Called from the thread that owns the workers.
   *
   * @param weight {@code [rows, columns]}, not modified
   */
  Tensor of(Tensor weight) {
    int rows = Math.toIntExact(weight.size(0));
    int columns = Math.toIntExact(weight.size(1));
    float[] out = new float[Math.multiplyExact(rows, columns)];
    int band =
        spec.granularity() == Granularity.TENSOR ? rows : Math.max(1, BAND / Math.max(1, columns));
    workers.forEach(
        Math.ceilDiv(rows, band),
        b -> {
          int from = b * band;
          int count = Math.min(band, rows - from);
          float[] values = new float[count * columns];
          Torch.readRows(weight, from, from + count, values, 0);
          long[] shape = {count, columns};
          PackedTensor packed = RoundToNearest.quantize(values, shape, spec, options);
          packed.dequantize(0, count, out, from * columns);
        });
    return Torch.fromFloats(out, rows, columns);
  }
}
