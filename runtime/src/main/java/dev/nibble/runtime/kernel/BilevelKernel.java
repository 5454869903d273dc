package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.BilevelLayout;
import dev.nibble.core.tensor.BilevelLayout.Zeros;
import dev.nibble.core.tensor.BilevelTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Codes of 1 to 7 bits in groups of whole units, whose scales and zero-points are codes themselves:
 * a row's are decoded first, as the row's codes are.
 */
final class BilevelKernel implements MatmulKernel {

  @Override
  public String name() {
    return "bilevel-stream";
  }

  @Override
  public boolean accepts(PackedTensor weight) {
    return weight instanceof BilevelTensor b
        && b.layout().bits() < 8
        && UnitRows.accepts(b.layout().groupSize(), b.columns());
  }

  @Override
  public Matrix bind(PackedTensor weight) {
    BilevelTensor b = (BilevelTensor) weight;
    BilevelLayout layout = b.layout();
    int columns = b.columns();
    TwoLevels scales =
        new TwoLevels(
            b,
            b.scaleCodes(),
            layout.scaleRowBytes(columns),
            layout.scaleBits(),
            b.scaleStatValues());
    TwoLevels zeros =
        layout.zeros() == Zeros.NONE
            ? null
            : new TwoLevels(
                b,
                b.zeroCodes(),
                layout.zeroRowBytes(columns),
                layout.zeroCodeBits(),
                b.zeroStatValues());
    return new Bound(b, scales, zeros);
  }

  /** Numbers of two levels: a row of codes, and a step and an offset for a block of rows. */
  private static final class TwoLevels implements RowScales {
    private final int groups;
    private final int blockRows;
    private final Bands bands;
    private final BitStream stream;

    /** {@code [blocks, groups]}; empty when the codes are the numbers. */
    private final float[] steps;

    private final float[] lows;

    TwoLevels(BilevelTensor weight, MemorySegment codes, int rowBytes, int bits, float[] stats) {
      this.groups = weight.layout().groups(weight.columns());
      this.blockRows = weight.layout().blockRows();
      this.bands = new Bands(codes, Math.toIntExact(weight.rows()), rowBytes);
      this.stream = new BitStream(bits);
      this.steps = new float[stats.length / 2];
      this.lows = new float[stats.length / 2];
      for (int i = 0; i < steps.length; i++) {
        steps[i] = stats[2 * i];
        lows[i] = stats[2 * i + 1];
      }
    }

    @Override
    public void read(int row, Scratch s) {
      read(row, s.groupScales);
    }

    void read(int row, float[] out) {
      stream.floats(bands.of(row), bands.at(row), 0, groups, out);
      if (steps.length > 0) {
        int at = row / blockRows * groups;
        for (int g = 0; g < groups; g++) {
          out[g] = steps[at + g] * out[g] + lows[at + g];
        }
      }
    }
  }

  private static final class Bound extends UnitRows {
    private final TwoLevels zeros;
    private final float middle;
    private final BitStream stream;
    private final Bands bands;

    Bound(BilevelTensor weight, TwoLevels scales, TwoLevels zeros) {
      super(
          weight,
          "bilevel" + weight.layout().bits() + "-stream",
          Math.min(weight.layout().groupSize(), Math.max(1, weight.columns())),
          scales);
      BilevelLayout layout = weight.layout();
      this.zeros = zeros;
      this.middle = 1 << (layout.bits() - 1);
      this.stream = new BitStream(layout.bits());
      this.bands = new Bands(weight.codes(), rows(), layout.rowBytes(columns()));
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
      if (zeros == null) {
        Arrays.fill(s.groupZeros, 0, Math.ceilDiv(columns(), group()), middle);
      } else {
        zeros.read(row, s.groupZeros);
      }
      return true;
    }
  }
}
