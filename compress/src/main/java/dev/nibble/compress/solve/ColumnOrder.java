package dev.nibble.compress.solve;

import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** Orders of a weight's columns that follow from the weight itself. */
final class ColumnOrder {
  private ColumnOrder() {}

  /**
   * Each column next to the one not yet placed whose rows are ranked most like its own (Spearman's
   * correlation), from the column with the largest norm on. Equals go by index.
   *
   * @param w {@code [rows, columns]}
   */
  static int[] spearman(float[] w, int columns) {
    float[] likeness = likeness(ranks(w, columns), columns);
    int[] order = new int[columns];
    boolean[] placed = new boolean[columns];
    int at = largest(w, columns);
    for (int p = 0; p < columns; p++) {
      order[p] = at;
      placed[at] = true;
      int next = -1;
      for (int c = 0; c < columns; c++) {
        if (!placed[c]
            && (next < 0 || likeness[at * columns + c] > likeness[at * columns + next])) {
          next = c;
        }
      }
      at = next;
    }
    return order;
  }

  /** Centred and normed ranks of each column's values, {@code [columns, rows]}. */
  private static float[] ranks(float[] w, int columns) {
    int rows = w.length / columns;
    float[] out = new float[w.length];
    double norm = Math.sqrt(rows * ((double) rows * rows - 1) / 12);
    for (int c = 0; c < columns; c++) {
      int column = c;
      Integer[] sorted = IntStream.range(0, rows).boxed().toArray(Integer[]::new);
      Arrays.sort(sorted, Comparator.comparingDouble((Integer r) -> w[r * columns + column]));
      for (int rank = 0; rank < rows; rank++) {
        double centred = rank - (rows - 1) / 2.0;
        out[c * rows + sorted[rank]] = norm == 0 ? 0 : (float) (centred / norm);
      }
    }
    return out;
  }

  private static float[] likeness(float[] ranks, int columns) {
    return Torch.noGrad(
        () -> {
          Tensor r = Torch.fromFloats(ranks, columns, ranks.length / columns);
          return Torch.toFloats(r.mm(r.t()));
        });
  }

  private static int largest(float[] w, int columns) {
    double[] norms = new double[columns];
    for (int i = 0; i < w.length; i++) {
      norms[i % columns] += (double) w[i] * w[i];
    }
    int best = 0;
    for (int c = 1; c < columns; c++) {
      best = norms[c] > norms[best] ? c : best;
    }
    return best;
  }
}
