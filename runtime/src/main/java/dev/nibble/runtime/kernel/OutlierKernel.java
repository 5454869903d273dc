package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;

/** Values stored apart: the base runs by its own kernel, and what they differ by is added. */
final class OutlierKernel implements MatmulKernel {
  private final KernelSet kernels;

  /**
   * @param kernels for the base; takes every type but this one
   */
  OutlierKernel(KernelSet kernels) {
    this.kernels = kernels;
  }

  @Override
  public String name() {
    return "sparse";
  }

  @Override
  public boolean accepts(PackedTensor weight) {
    return weight instanceof OutlierTensor;
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    OutlierTensor outliers = (OutlierTensor) weight;
    return new Bound(outliers, kernels.bind(outliers.base()));
  }

  private static final class Bound extends RowMajor {
    private final Matrix base;

    /** Index of each row's first value, and one more. */
    private final int[] offsets;

    private final int[] at;
    private final float[] values;

    /** What a product gains by a value: value - base value. */
    private final float[] gains;

    Bound(OutlierTensor weight, Matrix base) {
      super(weight, base.kernel() + "+sparse");
      this.base = base;
      int count = weight.count();
      this.offsets = new int[rows() + 1];
      this.at = new int[count];
      this.values = new float[count];
      this.gains = new float[count];
      float[] row = new float[columns()];
      for (int r = 0; r < rows(); r++) {
        int from = weight.offset(r);
        int to = weight.offset(r + 1L);
        offsets[r + 1] = to;
        if (to > from) {
          weight.base().dequantize(r, r + 1L, row, 0);
        }
        for (int i = from; i < to; i++) {
          at[i] = weight.column(i);
          values[i] = weight.value(i);
          gains[i] = values[i] - row[at[i]];
        }
      }
    }

    @Override
    public int chunk() {
      return base.chunk();
    }

    @Override
    public void prepare(float[] x, int offset, Input into) {
      super.prepare(x, offset, into);
      into.reserveParts(1);
      base.prepare(x, offset, into.part(0));
    }

    @Override
    public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch scratch) {
      base.multiply(from, to, x.part(0), y, yOffset, scratch);
      for (int r = from; r < to; r++) {
        float sum = 0;
        for (int i = offsets[r]; i < offsets[r + 1]; i++) {
          sum += gains[i] * x.x[at[i]];
        }
        y[yOffset + r] += sum;
      }
    }

    @Override
    public void decode(int from, int to, float[] out, int offset, Scratch scratch) {
      base.decode(from, to, out, offset, scratch);
      for (int r = from; r < to; r++) {
        int row = offset + (r - from) * columns();
        for (int i = offsets[r]; i < offsets[r + 1]; i++) {
          out[row + at[i]] = values[i];
        }
      }
    }
  }
}
