package dev.nibble.compress.solve;

import dev.nibble.core.rounding.BinaryGrid;
import dev.nibble.core.rounding.CodeGrid;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BinaryPacker;
import dev.nibble.core.tensor.BinaryTensor;
import dev.nibble.core.work.Workers;

/** Weights of one bit around the mean of each row's group of columns. */
public final class BinaryRounding {
  private static final int BAND_ROWS = 32;

  private BinaryRounding() {}

  /** Rounds {@code w}, {@code [rows, columns]}, in groups of {@code group} columns. */
  public static BinaryTensor quantize(
      float[] w, int rows, int columns, int group, ScaleFormat scaleFormat, Workers workers) {
    int groups = Math.ceilDiv(columns, group);
    CodeGrid[] grids = new CodeGrid[Math.multiplyExact(rows, groups)];
    byte[] codes = new byte[w.length];
    workers.forEach(
        Math.ceilDiv(rows, BAND_ROWS),
        band -> {
          int end = Math.min(rows, (band + 1) * BAND_ROWS);
          for (int i = band * BAND_ROWS * groups; i < end * groups; i++) {
            int from = i / groups * columns + i % groups * group;
            int to = Math.min(from + group, (i / groups + 1) * columns);
            grids[i] = BinaryGrid.fit(w, from, to, true, scaleFormat);
            for (int k = from; k < to; k++) {
              codes[k] = (byte) grids[i].code(w[k]);
            }
          }
        });
    return pack(codes, rows, columns, group, grids, scaleFormat);
  }

  /**
   * Packs codes.
   *
   * @param codes {@code [rows, columns]}
   * @param grids {@code [rows, groups]}, all binary
   */
  public static BinaryTensor pack(
      byte[] codes, int rows, int columns, int group, CodeGrid[] grids, ScaleFormat scaleFormat) {
    float[] scalars = new float[2 * grids.length];
    for (int i = 0; i < grids.length; i++) {
      BinaryGrid grid = (BinaryGrid) grids[i];
      scalars[2 * i] = grid.mean();
      scalars[2 * i + 1] = grid.magnitude();
    }
    return BinaryPacker.pack(new long[] {rows, columns}, group, true, scaleFormat, codes, scalars);
  }
}
