package dev.nibble.compress.solve;

/**
 * The column loop of {@link Spqr} over the rows of one block, whose grids are fitted together when
 * the loop reaches a group. Blocks of columns are cut as in {@link GptqBand}: at the start of a
 * group that would straddle the end, so that grids see compensated weights.
 */
final class SpqrBand {
  private static final int TILE = 512;
  private static final float LARGEST_HALF = 65504f;

  private final Problem problem;
  private final int firstRow;
  private final int columns;
  private final double[][] x;
  private final double[][] errors;
  private final double[] sensitivity;
  private double loss;
  private int outliers;

  /**
   * What all bands share.
   *
   * @param w {@code [rows, columns]} in stored order
   * @param blockSize columns of a block
   * @param groupColumns columns of a group
   * @param grids fits them, and gets the codes
   * @param leaveOneOut shapes what they are fitted to
   * @param threshold squared error above which a weight is kept
   * @param kept result, {@code [rows, columns]} in stored order: which weights are kept
   * @param values result: their values, compensated, in half precision
   */
  record Problem(
      float[] w,
      Curvature curvature,
      int blockSize,
      int groupColumns,
      SpqrGrids grids,
      LeaveOneOut leaveOneOut,
      double threshold,
      boolean[] kept,
      float[] values) {}

  SpqrBand(Problem problem, int firstRow, int rows) {
    this.problem = problem;
    this.firstRow = firstRow;
    this.columns = problem.curvature().size();
    this.x = new double[rows][columns];
    this.errors = new double[rows][Math.min(columns, problem.blockSize())];
    this.sensitivity = new double[columns];
    int[] order = problem.curvature().order();
    boolean[] dead = problem.curvature().dead();
    for (int p = 0; p < columns; p++) {
      double u = problem.curvature().factor().row(p)[0];
      sensitivity[p] = 1 / (u * u);
      for (int r = 0; r < rows; r++) {
        x[r][p] = dead[order[p]] ? 0 : problem.w()[(firstRow + r) * columns + order[p]];
      }
    }
  }

  void solve() {
    int from = 0;
    while (from < columns) {
      int to = blockEnd(from);
      solveBlock(from, to);
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
    int group = problem.groupColumns();
    int end = Math.min(columns, from + problem.blockSize());
    int lastStart = (end - 1) / group * group;
    boolean straddles = Math.min(columns, lastStart + group) > end;
    return straddles && lastStart > from ? lastStart : end;
  }

  private SpqrGrids.Group current;

  private void solveBlock(int from, int to) {
    int group = problem.groupColumns();
    for (int p = from; p < to; ) {
      int end = Math.min(to, (p / group + 1) * group);
      if (p % group == 0) {
        current = fit(p, Math.min(columns, p + group));
      }
      for (int r = 0; r < x.length; r++) {
        solve(r, p, end, from, to);
      }
      p = end;
    }
  }

  private SpqrGrids.Group fit(int from, int to) {
    float[] lo = new float[x.length];
    float[] hi = new float[x.length];
    float[] range = new float[2];
    for (int r = 0; r < x.length; r++) {
      problem.leaveOneOut().range(x[r], from, to, sensitivity, range);
      // after an overflow the loss is not finite either, which the caller looks at
      lo[r] = Float.isFinite(range[0]) ? range[0] : 0;
      hi[r] = Float.isFinite(range[1]) ? range[1] : 0;
    }
    return problem.grids().fit(firstRow, from / problem.groupColumns(), lo, hi);
  }

  /** Positions {@code [from, to)} of a row; the block is {@code [blockFrom, blockTo)}. */
  private void solve(int r, int from, int to, int blockFrom, int blockTo) {
    double[] row = x[r];
    for (int p = from; p < to; p++) {
      double[] u = problem.curvature().factor().row(p);
      double w = row[p];
      int code = current.code(r, w);
      double error = (w - current.value(r, code)) / u[0];
      if (error * error > problem.threshold() && Math.abs(w) <= LARGEST_HALF) {
        float kept = Float.float16ToFloat(Float.floatToFloat16((float) w));
        error = (w - kept) / u[0];
        code = current.code(r, 0);
        keep((firstRow + r) * columns + problem.curvature().order()[p], kept);
      }
      problem.grids().code(firstRow + r, p, code);
      errors[r][p - blockFrom] = error;
      loss += error * error;
      RowUpdates.subtract(row, p + 1, blockTo, error, u, p);
    }
  }

  private void keep(int at, float value) {
    problem.kept()[at] = true;
    problem.values()[at] = value;
    outliers++;
  }

  /** {@code Σ e²}; not finite when the arithmetic broke down. */
  double loss() {
    return loss;
  }

  /** Weights that are kept. */
  int outliers() {
    return outliers;
  }
}
