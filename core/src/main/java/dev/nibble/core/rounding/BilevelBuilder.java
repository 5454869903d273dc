package dev.nibble.core.rounding;

import dev.nibble.core.tensor.BilevelLayout;
import dev.nibble.core.tensor.BilevelLayout.Zeros;
import dev.nibble.core.tensor.BilevelTensor;
import dev.nibble.core.work.Workers;

/**
 * Gathers grids and codes of a {@link BilevelTensor}, block of rows by block of rows. Different
 * blocks may be filled by different threads.
 */
public final class BilevelBuilder {
  private final BilevelLayout layout;
  private final int columns;
  private final int groups;
  private final byte[] codes;
  private final byte[] scaleCodes;
  private final byte[] zeroCodes;
  private final float[] scaleStats;
  private final float[] zeroStats;

  /** A tensor {@code [rows, columns]} of zero codes. */
  public BilevelBuilder(int rows, int columns, BilevelLayout layout) {
    this.layout = layout;
    this.columns = columns;
    this.groups = layout.groups(columns);
    this.codes = new byte[Math.multiplyExact(rows, columns)];
    this.scaleCodes = new byte[rows * groups];
    this.zeroCodes = new byte[layout.zeros() == Zeros.NONE ? 0 : rows * groups];
    this.scaleStats = new float[Math.toIntExact(layout.stats(rows, columns))];
    this.zeroStats = new float[Math.toIntExact(layout.zeroStats(rows, columns))];
  }

  /** Sets the grids of a group of columns in the block that begins at a row. */
  public void grids(int firstRow, int group, BilevelGroup grids) {
    int at = 2 * (firstRow / layout.blockRows() * groups + group);
    scaleStats[at] = grids.scaleLevel().step();
    scaleStats[at + 1] = grids.scaleLevel().low();
    if (grids.zeroLevel() != null) {
      zeroStats[at] = grids.zeroLevel().step();
      zeroStats[at + 1] = grids.zeroLevel().low();
    }
    for (int r = 0; r < grids.scaleCodes().length; r++) {
      int cell = (firstRow + r) * groups + group;
      scaleCodes[cell] = grids.scaleCodes()[r];
      if (zeroCodes.length > 0) {
        zeroCodes[cell] = grids.zeroCodes()[r];
      }
    }
  }

  /** Sets a code. */
  public void code(int row, int column, int code) {
    codes[row * columns + column] = (byte) code;
  }

  /** The tensor, in a shape with these rows and columns. */
  public BilevelTensor build(long... shape) {
    return BilevelTensor.pack(shape, layout, codes, scaleCodes, scaleStats, zeroCodes, zeroStats);
  }

  /**
   * Rounds a matrix to nearest, every group over its extremes.
   *
   * @param w {@code [rows, columns]}, finite, not modified
   */
  public static BilevelTensor round(
      float[] w, long[] shape, BilevelLayout layout, Workers workers) {
    int columns = shape.length == 0 ? 1 : Math.toIntExact(shape[shape.length - 1]);
    int rows = columns == 0 ? 0 : w.length / columns;
    BilevelBuilder out = new BilevelBuilder(rows, columns, layout);
    workers.forEach(
        Math.ceilDiv(rows, layout.blockRows()),
        block -> {
          int from = block * layout.blockRows();
          out.roundBlock(w, from, Math.min(rows, from + layout.blockRows()));
        });
    return out.build(shape);
  }

  private void roundBlock(float[] w, int from, int to) {
    float[] lo = new float[to - from];
    float[] hi = new float[to - from];
    for (int g = 0; g < groups; g++) {
      int first = g * layout.groupSize();
      int end = Math.min(columns, first + layout.groupSize());
      for (int r = from; r < to; r++) {
        lo[r - from] = 0;
        hi[r - from] = 0;
        for (int c = first; c < end; c++) {
          lo[r - from] = Math.min(lo[r - from], w[r * columns + c]);
          hi[r - from] = Math.max(hi[r - from], w[r * columns + c]);
        }
      }
      BilevelGroup grids = new BilevelGroup(lo, hi, layout);
      grids(from, g, grids);
      for (int r = from; r < to; r++) {
        for (int c = first; c < end; c++) {
          code(r, c, grids.code(r - from, w[r * columns + c]));
        }
      }
    }
  }
}
