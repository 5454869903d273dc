package dev.nibble.compress.solve;

import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.models.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Coordinate descent over a band of rows: the values Ŵ, what they are to come near to, and the
 * gradient {@code G = (Ŵ - target) H}, always of the values as they are. Positions, not columns,
 * count here.
 *
 * <p>Inside a block of columns a change reaches the others at once; when the block is done, all its
 * changes reach every column by one matrix product. Between two sweeps over rounded values hardly
 * anything changes, and blocks without a change cost nothing.
 */
final class DescentBand implements AutoCloseable {
  private final DescentMatrix h;
  private final WeightGrids grids;
  private final int firstRow;
  private final double[][] target;
  private final double[][] now;
  private final Tensor gradient;
  private final MemorySegment g;
  private final Tensor changes;
  private final MemorySegment changed;
  private boolean onGrid;

  /**
   * A band that starts from some values.
   *
   * @param w {@code [rows of the matrix, n]} by column
   * @param start likewise; {@code w} itself to start without an error
   * @param onGrid the start consists of grid values
   */
  DescentBand(
      DescentMatrix h,
      WeightGrids grids,
      float[] w,
      float[] start,
      boolean onGrid,
      int firstRow,
      int rows) {
    this.h = h;
    this.grids = grids;
    this.firstRow = firstRow;
    this.onGrid = onGrid;
    int n = h.size();
    this.target = new double[rows][n];
    this.now = new double[rows][n];
    for (int r = 0; r < rows; r++) {
      for (int p = 0; p < n; p++) {
        int at = (firstRow + r) * n + h.order()[p];
        target[r][p] = w[at];
        now[r][p] = start[at];
        if (h.diagonal()[p] == 0) {
          now[r][p] = nearest(r, p, w[at]);
        }
      }
    }
    this.gradient = Torch.owned(() -> Torch.empty(ScalarType.Double, rows, n));
    this.g = Torch.view(gradient);
    this.changes = Torch.owned(() -> Torch.empty(ScalarType.Double, rows, h.block()));
    this.changed = Torch.view(changes);
    refresh();
  }

  /** Computes the gradient anew, after values or targets were set from outside. */
  void refresh() {
    int n = h.size();
    Torch.noGrad(
        () -> {
          Tensor difference = Torch.empty(ScalarType.Double, now.length, n);
          MemorySegment d = Torch.view(difference);
          double[] row = new double[n];
          for (int r = 0; r < now.length; r++) {
            for (int p = 0; p < n; p++) {
              row[p] = now[r][p] - target[r][p];
            }
            MemorySegment.copy(row, 0, d, ValueLayout.JAVA_DOUBLE, 8L * r * n, n);
          }
          gradient.copy_(difference.mm(h.matrix()));
          return null;
        });
  }

  /**
   * One sweep over all columns.
   *
   * @param round to grid values; else to the minimum itself
   * @return whether anything changed
   */
  boolean sweep(boolean round) {
    boolean any = false;
    for (int from = 0; from < h.size(); from += h.block()) {
      any |= block(from, Math.min(h.size(), from + h.block()), round);
    }
    onGrid = round;
    return any;
  }

  /** Sweeps over the positions {@code [from, to)} of one block. */
  boolean block(int from, int to, boolean round) {
    int n = h.size();
    double[] local = new double[to - from];
    double[] moved = new double[to - from];
    boolean any = false;
    for (int r = 0; r < now.length; r++) {
      long at = 8 * ((long) r * n + from);
      MemorySegment.copy(g, ValueLayout.JAVA_DOUBLE, at, local, 0, local.length);
      any |= row(r, from, local, moved, round);
      MemorySegment.copy(
          moved, 0, changed, ValueLayout.JAVA_DOUBLE, 8L * r * h.block(), moved.length);
    }
    if (any) {
      Torch.run(
          () ->
              gradient.addmm_(
                  changes.narrow(1, 0, to - from), h.matrix().narrow(0, from, to - from)));
    }
    return any;
  }

  private boolean row(int r, int from, double[] local, double[] moved, boolean round) {
    boolean any = false;
    double[] values = now[r];
    for (int i = 0; i < local.length; i++) {
      int p = from + i;
      double diagonal = h.diagonal()[p];
      moved[i] = 0;
      if (diagonal == 0) {
        continue;
      }
      double best = values[p] - local[i] / diagonal;
      double next = round ? rounded(r, p, best) : best;
      double change = next - values[p];
      if (change != 0) {
        any = true;
        values[p] = next;
        moved[i] = change;
        RowUpdates.subtract(local, i + 1, local.length, -change, h.inBlock(p), 0);
      }
    }
    return any;
  }

  /** The grid value to take: another one only when it is truly nearer, so that no error rises. */
  private double rounded(int r, int p, double best) {
    double next = nearest(r, p, best);
    double current = now[r][p];
    return onGrid && Math.abs(next - best) >= Math.abs(current - best) ? current : next;
  }

  private double nearest(int r, int p, double value) {
    AffineGrid grid = grids.of(firstRow + r, h.order()[p]);
    return grid.value(grid.code((float) value));
  }

  /** {@code (ŵ - target) H (ŵ - target)ᵀ} of a row. */
  double error(int r) {
    double sum = 0;
    for (int p = 0; p < h.size(); p++) {
      sum += (now[r][p] - target[r][p]) * g.getAtIndex(ValueLayout.JAVA_DOUBLE, index(r, p));
    }
    return sum;
  }

  private long index(int r, int p) {
    return (long) r * h.size() + p;
  }

  /** Whether all values are grid values. */
  boolean onGrid() {
    return onGrid;
  }

  /** First row of the band in the matrix. */
  int firstRow() {
    return firstRow;
  }

  /** Rows of the band. */
  int rows() {
    return now.length;
  }

  /** Values of a row by position; live. */
  double[] values(int r) {
    return now[r];
  }

  /** What a row's values are to come near to, by position; live. */
  double[] target(int r) {
    return target[r];
  }

  /** {@code G} of a row, by position, into {@code out}. */
  void gradient(int r, double[] out) {
    MemorySegment.copy(g, ValueLayout.JAVA_DOUBLE, 8 * index(r, 0), out, 0, h.size());
  }

  @Override
  public void close() {
    gradient.close();
    changes.close();
  }
}
