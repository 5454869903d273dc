package dev.nibble.compress.solve;

import java.util.Arrays;

/**
 * Which weights QuantEase may keep apart: so many in a matrix, or so many whole columns of it.
 *
 * @param rows of the matrix
 * @param columns of the matrix
 * @param fraction of its weights, positive
 * @param structure whether whole columns are kept
 */
record OutlierChoice(int rows, int columns, double fraction, QuantEaseOptions.Structure structure) {

  boolean byColumns() {
    return structure == QuantEaseOptions.Structure.COLUMNS;
  }

  /** Columns that are kept, where whole ones are. */
  static int keptColumns(int columns, double fraction) {
    return Math.clamp(Math.round(fraction * columns), 1, Math.max(1, columns - 1));
  }

  /** Marks the weights to keep: the largest, or the columns of the largest norm. */
  boolean[] largest(float[] values) {
    if (!byColumns()) {
      return LargestValues.mark(values, Math.max(1, (long) (fraction * rows * columns)));
    }
    double[] squares = new double[columns];
    for (int i = 0; i < values.length; i++) {
      squares[i % columns] += (double) values[i] * values[i];
    }
    float[] norms = new float[columns];
    for (int c = 0; c < columns; c++) {
      norms[c] = (float) Math.sqrt(squares[c]);
    }
    boolean[] chosen = LargestValues.mark(norms, keptColumns(columns, fraction));
    boolean[] out = new boolean[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = chosen[i % columns];
    }
    return out;
  }

  /**
   * The weights that grids are fitted to: kept ones are 0, and, where any may be kept, of each row
   * the largest and the smallest, {@code fraction · columns / 2} of them, too (0 is in every
   * range).
   */
  float[] fitted(float[] w, boolean[] kept) {
    float[] out = w.clone();
    int trimmed = byColumns() ? 0 : (int) (fraction * columns / 2);
    for (int r = 0; r < rows; r++) {
      float[] row = Arrays.copyOfRange(w, r * columns, (r + 1) * columns);
      Arrays.sort(row);
      float low = row[trimmed];
      float high = row[columns - 1 - trimmed];
      for (int i = r * columns; i < (r + 1) * columns; i++) {
        out[i] = kept[i] || w[i] < low || w[i] > high ? 0 : w[i];
      }
    }
    return out;
  }
}
