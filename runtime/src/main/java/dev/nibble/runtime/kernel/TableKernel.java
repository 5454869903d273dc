package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TableTensor;

/** Codes into tables of up to 16 levels (nf4, fp4, mxfp4 …), looked up in vector registers. */
final class TableKernel implements MatmulKernel {

  @Override
  public String name() {
    return "table-stream";
  }

  @Override
  public boolean accepts(PackedTensor weight) {
    return weight instanceof TableTensor t
        && t.bits() <= 4
        && UnitRows.accepts(groupColumns(t), t.columns());
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    return new Bound((TableTensor) weight);
  }

  private static int groupColumns(TableTensor t) {
    return t.groupSize() == 0 ? t.columns() : t.groupSize();
  }

  private static final class Bound extends UnitRows {
    private final Levels levels;
    private final BitStream stream;
    private final Bands bands;

    Bound(TableTensor weight) {
      super(
          weight,
          "table" + weight.bits() + "-stream",
          groupColumns(weight),
          new ScaleRows(
              weight.scales(),
              weight.scaleFormat(),
              Math.toIntExact(weight.rows()),
              Math.ceilDiv(weight.columns(), groupColumns(weight)),
              weight.groupSize() == 0));
      this.levels = new Levels(weight.levels());
      this.stream = new BitStream(weight.bits());
      this.bands =
          new Bands(weight.codes(), rows(), AffineTensor.rowStride(columns(), weight.bits()));
    }

    @Override
    void unpack(int row, int from, int count, float[] out) {
      stream.levels(bands.of(row), bands.at(row), from, count, levels, out);
    }
  }
}
