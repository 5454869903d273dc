package dev.nibble.compress.solve;

import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.rounding.CodeGrid;

/**
 * The column loop of {@link Gptq} over a band of rows.
 *
 * <p>Updates reach the columns beyond a block only when the block is done, tile by tile, so that a
 * tile of U is read from memory once for all rows of the band. A value still receives its updates
 * in the order of the columns they come from and in the same operations, whatever the block. A
 * block that a group with a dynamic grid would straddle is cut at the start of that group: such a
 * grid is always fitted to fully compensated columns, inside a block too.
 */
final class GptqBand {
  private static final int TILE = 512;

  private final Problem problem;
  private final int firstRow;
  private final int columns;
  private final double[][] x;
  private final double[][] errors;

  /** Fits the grid of {@code values[from .. to)}. */
  interface GridFit {
    /**
     * @param first column of the first value, where columns are solved in stored order
     */
    CodeGrid fit(float[] values, int from, int to, int first);
  }

  /**
   * What all bands share.
   *
   * @param w {@code [rows, columns]} in stored order
   * @param blockSize columns of a block
   * @param groupColumns columns of a group
   * @param dynamic groups are consecutive in the solver's order and their grids are fitted when the
   *     first of their columns is reached; else consecutive in stored order and already fitted
   * @param fit used when dynamic
   * @param grids {@code [rows, groups]}, filled in when dynamic
   * @param codes result, {@code [rows, columns]} in stored order
   * @param losses result, {@code Σ e²} of each row
   */
  record Problem(
      float[] w,
      Curvature curvature,
      int blockSize,
      int groupColumns,
      boolean dynamic,
      GridFit fit,
      CodeGrid[] grids,
      byte[] codes,
      double[] losses) {}

  GptqBand(Problem problem, int firstRow, int rows) {
    this.problem = problem;
    this.firstRow = firstRow;
    this.columns = problem.curvature().size();
    this.x = new double[rows][columns];
    this.errors = new double[rows][Math.min(columns, problem.blockSize())];
    int[] order = problem.curvature().order();
    boolean[] dead = problem.curvature().dead();
    for (int r = 0; r < rows; r++) {
      int base = (firstRow + r) * columns;
      for (int p = 0; p < columns; p++) {
        x[r][p] = dead[order[p]] ? 0 : problem.w()[base + order[p]];
      }
    }
  }

  void solve() {
    int from = 0;
    while (from < columns) {
      int to = blockEnd(from);
      for (int r = 0; r < x.length; r++) {
        solveBlock(r, from, to);
      }
      for (int tile = to; tile < columns; tile += TILE) {
        int end = Math.min(columns, tile + TILE);
        for (int r = 0; r < x.length; r++) {
          RowUpdates.subtractBlock(
              x[r], errors[r], problem.curvature().factor(), from, to, tile, end);
        }
      }
      from = to;
    }
  }

  private int blockEnd(int from) {
    int end = Math.min(columns, from + problem.blockSize());
    if (problem.dynamic()) {
      int lastStart = (end - 1) / problem.groupColumns() * problem.groupColumns();
      boolean straddles = Math.min(columns, lastStart + problem.groupColumns()) > end;
      if (straddles && lastStart > from) {
        return lastStart;
      }
    }
    return end;
  }

  private void solveBlock(int r, int from, int to) {
    double[] row = x[r];
    int[] order = problem.curvature().order();
    int groups = problem.grids().length / problem.losses().length;
    int gridBase = (firstRow + r) * groups;
    double loss = problem.losses()[firstRow + r];
    for (int p = from; p < to; p++) {
      int column = order[p];
      if (problem.dynamic() && p % problem.groupColumns() == 0) {
        problem.grids()[gridBase + p / problem.groupColumns()] = fit(row, p);
      }
      int group = (problem.dynamic() ? p : column) / problem.groupColumns();
      CodeGrid grid = problem.grids()[gridBase + group];
      int code = grid.code((float) row[p]);
      problem.codes()[(firstRow + r) * columns + column] = (byte) code;
      double[] u = problem.curvature().factor().row(p);
      double error = (row[p] - grid.value(code)) / u[0];
      errors[r][p - from] = error;
      loss += error * error;
      RowUpdates.subtract(row, p + 1, to, error, u, p);
    }
    problem.losses()[firstRow + r] = loss;
  }

  private CodeGrid fit(double[] row, int from) {
    int to = Math.min(columns, from + problem.groupColumns());
    float[] values = new float[to - from];
    boolean finite = true;
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) row[from + i];
      finite &= Float.isFinite(values[i]);
    }
    // after an overflow the row's loss is not finite either, which the caller looks at
    return finite ? problem.fit().fit(values, 0, values.length, from) : new AffineGrid(1f, 0, 0, 0);
  }
}
