package dev.nibble.compress.solve;

import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.rounding.BilevelBuilder;
import dev.nibble.core.rounding.BilevelGroup;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffinePacker;
import dev.nibble.core.tensor.BilevelLayout;
import dev.nibble.core.tensor.PackedTensor;

/**
 * Fits the grids of a matrix, one group of columns in a block of rows at a time, and gathers them
 * with the codes. Different blocks may be filled by different threads. Columns are positions of the
 * solver's order.
 */
interface SpqrGrids {

  /** The grids of one group of columns in the rows of a block. */
  interface Group {
    /** Code of the value nearest to w in a row of the block. */
    int code(int row, double w);

    /** Value of a code in a row of the block. */
    float value(int row, int code);
  }

  /** Rows of a block. */
  int blockRows();

  /**
   * Fits and keeps the grids of a group.
   *
   * @param firstRow of the block, in the matrix
   * @param lo smallest value that each row's grid spans
   * @param hi largest
   */
  Group fit(int firstRow, int group, float[] lo, float[] hi);

  /** Keeps a code. */
  void code(int row, int position, int code);

  /** The tensor, {@code [rows, positions]}. */
  PackedTensor build();

  /** Scales and zero-points quantized in two levels. */
  final class TwoLevels implements SpqrGrids {
    private final BilevelLayout layout;
    private final BilevelBuilder builder;
    private final long[] shape;

    TwoLevels(int rows, int columns, BilevelLayout layout) {
      this.layout = layout;
      this.builder = new BilevelBuilder(rows, columns, layout);
      this.shape = new long[] {rows, columns};
    }

    @Override
    public int blockRows() {
      return layout.blockRows();
    }

    @Override
    public Group fit(int firstRow, int group, float[] lo, float[] hi) {
      BilevelGroup fitted = new BilevelGroup(lo, hi, layout);
      builder.grids(firstRow, group, fitted);
      return new Group() {
        @Override
        public int code(int row, double w) {
          return fitted.code(row, w);
        }

        @Override
        public float value(int row, int code) {
          return fitted.value(row, code);
        }
      };
    }

    @Override
    public void code(int row, int position, int code) {
      builder.code(row, position, code);
    }

    @Override
    public PackedTensor build() {
      return builder.build(shape);
    }
  }

  /** Scales in the spec's own format, zero-points as codes. */
  final class Plain implements SpqrGrids {
    private static final int BAND_ROWS = 16;

    private final QuantSpec spec;
    private final RoundingOptions rounding;
    private final int columns;
    private final int groups;
    private final byte[] codes;
    private final float[] scales;
    private final int[] zeros;

    Plain(int rows, int columns, QuantSpec spec, RoundingOptions rounding) {
      this.spec = spec;
      this.rounding = rounding;
      this.columns = columns;
      this.groups = spec.groups(columns);
      this.codes = new byte[Math.multiplyExact(rows, columns)];
      this.scales = new float[rows * groups];
      this.zeros = new int[rows * groups];
    }

    @Override
    public int blockRows() {
      return BAND_ROWS;
    }

    @Override
    public Group fit(int firstRow, int group, float[] lo, float[] hi) {
      AffineGrid[] grids = new AffineGrid[lo.length];
      for (int r = 0; r < grids.length; r++) {
        grids[r] =
            AffineGrid.fit(
                lo[r], hi[r], spec.bits(), rounding.flavourFor(spec), spec.scaleFormat());
        scales[(firstRow + r) * groups + group] = grids[r].scale();
        zeros[(firstRow + r) * groups + group] = grids[r].zero();
      }
      return new Group() {
        @Override
        public int code(int row, double w) {
          return grids[row].code((float) w);
        }

        @Override
        public float value(int row, int code) {
          return grids[row].value(code);
        }
      };
    }

    @Override
    public void code(int row, int position, int code) {
      codes[row * columns + position] = (byte) code;
    }

    @Override
    public PackedTensor build() {
      return AffinePacker.pack(
          new long[] {codes.length / columns, columns},
          spec,
          codes,
          scales,
          spec.symmetric() ? null : zeros,
          null);
    }
  }
}
