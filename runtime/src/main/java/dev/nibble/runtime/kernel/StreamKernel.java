package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedTensor;

/**
 * Affine codes of the widths that {@link AffineKernel} leaves, 1, 3, 5, 6 and 7 bits: a stretch of
 * a row is unpacked and multiplied in the first-level cache.
 */
final class StreamKernel implements MatmulKernel {

  @Override
  public String name() {
    return "affine-stream";
  }

  @Override
  public boolean accepts(PackedTensor weight) {
    return weight instanceof AffineTensor a
        && a.bits() < 8
        && a.groupIndex() == null
        && UnitRows.accepts(groupColumns(a), a.columns());
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    return new Bound((AffineTensor) weight);
  }

  private static int groupColumns(AffineTensor a) {
    return a.groupSize() == 0 ? a.columns() : a.groupSize();
  }

  private static final class Bound extends UnitRows {
    private final ZeroRows zeros;
    private final BitStream stream;
    private final Bands bands;

    Bound(AffineTensor weight) {
      super(
          weight,
          "affine" + weight.bits() + "-stream",
          groupColumns(weight),
          new ScaleRows(
              weight.scales(),
              weight.scaleFormat(),
              Math.toIntExact(weight.rows()),
              weight.groupsPerRow(),
              weight.groupSize() == 0));
      this.zeros = new ZeroRows(weight);
      this.stream = new BitStream(weight.bits());
      this.bands =
          new Bands(weight.codes(), rows(), AffineTensor.rowStride(columns(), weight.bits()));
    }

    @Override
    public void prepare(float[] x, int offset, Input into) {
      super.prepare(x, offset, into);
      into.sumGroups(x, offset, columns(), group());
    }

    @Override
    void unpack(int row, int from, int count, float[] out) {
      stream.floats(bands.of(row), bands.at(row), from, count, out);
    }

    @Override
    boolean zeros(int row, Scratch s) {
      zeros.read(row, s);
      return true;
    }
  }
}
