package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.PackedTensor;

/** Runs every stored type: decodes a row by the scalar reference, then a float dot product. */
final class DecodingKernel implements MatmulKernel {

  @Override
  public String name() {
    return "decode-rows";
  }

  @Override
  public boolean accepts(PackedTensor weight) {
    return true;
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    return new Bound(weight, name());
  }

  private static final class Bound extends RowMajor {
    private final PackedTensor weight;

    Bound(PackedTensor weight, String kernel) {
      super(weight, kernel);
      this.weight = weight;
    }

    @Override
    public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch scratch) {
      for (int r = from; r < to; r++) {
        weight.dequantize(r, r + 1, scratch.rows, 0);
        y[yOffset + r] = Dots.floats(scratch.rows, 0, x.x, columns());
      }
    }

    @Override
    public void decode(int from, int to, float[] out, int offset, Scratch scratch) {
      weight.dequantize(from, to, out, offset);
    }
  }
}
