package dev.nibble.compress.solve;

import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.rounding.GroupGrid;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffinePacker;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.work.Workers;
import java.util.Arrays;

/**
 * The integer grids of a matrix, fixed before its codes are chosen: one for each row and group, and
 * the group that each column belongs to.
 */
final class WeightGrids {
  private static final int BAND_ROWS = 16;

  private final QuantSpec spec;
  private final int rows;
  private final int groups;
  private final int[] groupOf;
  private final boolean indexed;
  private final AffineGrid[] grids;

  private WeightGrids(QuantSpec spec, int rows, int[] groupOf, boolean indexed) {
    this.spec = spec;
    this.rows = rows;
    this.groups = spec.groups(groupOf.length);
    this.groupOf = groupOf;
    this.indexed = indexed;
    this.grids = new AffineGrid[Math.toIntExact(spec.scaleCount(rows, groupOf.length))];
  }

  /**
   * Grids fitted to weights.
   *
   * @param w {@code [rows, columns]}, not modified
   * @param order columns in the order that groups are counted in, or null for groups of consecutive
   *     columns; with an order, tensors store a group index
   */
  static WeightGrids fit(
      float[] w,
      int columns,
      QuantSpec spec,
      RoundingOptions rounding,
      int[] order,
      Workers workers) {
    int[] groupOf = new int[columns];
    int width = spec.groupColumns(columns);
    for (int p = 0; p < columns; p++) {
      groupOf[order == null ? p : order[p]] = p / width;
    }
    WeightGrids out = new WeightGrids(spec, w.length / columns, groupOf, order != null);
    if (spec.granularity() == Granularity.TENSOR) {
      out.grids[0] = out.fit(w, rounding);
      return out;
    }
    workers.forEach(
        Math.ceilDiv(out.rows, BAND_ROWS),
        band -> {
          int end = Math.min(out.rows, (band + 1) * BAND_ROWS);
          for (int row = band * BAND_ROWS; row < end; row++) {
            out.fitRow(w, row, rounding);
          }
        });
    return out;
  }

  private void fitRow(float[] w, int row, RoundingOptions rounding) {
    int columns = groupOf.length;
    float[][] values = new float[groups][spec.groupColumns(columns)];
    int[] counts = new int[groups];
    for (int c = 0; c < columns; c++) {
      int g = groupOf[c];
      values[g][counts[g]++] = w[row * columns + c];
    }
    for (int g = 0; g < groups; g++) {
      grids[row * groups + g] = fit(Arrays.copyOf(values[g], counts[g]), rounding);
    }
  }

  private AffineGrid fit(float[] values, RoundingOptions rounding) {
    return GroupGrid.fit(
        values,
        0,
        values.length,
        spec.bits(),
        rounding.flavourFor(spec),
        spec.scaleFormat(),
        rounding);
  }

  /**
   * The grids that a stored tensor has.
   *
   * @param spec what the tensor was stored as
   */
  static WeightGrids of(AffineTensor tensor, QuantSpec spec, RoundingOptions rounding) {
    int columns = tensor.columns();
    int[] groupOf = new int[columns];
    Arrays.setAll(groupOf, tensor::groupOf);
    boolean indexed = tensor.groupIndex() != null;
    WeightGrids out = new WeightGrids(spec, Math.toIntExact(tensor.rows()), groupOf, indexed);
    AffineGrid like = out.fit(new float[] {-1, 1}, rounding);
    for (int i = 0; i < out.grids.length; i++) {
      int row = i / out.groups;
      int group = i % out.groups;
      float scale = tensor.scale(row, group);
      out.grids[i] =
          new AffineGrid(scale, tensor.zero(row, group), like.lowCode(), like.highCode());
    }
    return out;
  }

  /** The grid of an element. */
  AffineGrid of(int row, int column) {
    return grids.length == 1 ? grids[0] : grids[row * groups + groupOf[column]];
  }

  /**
   * Packs values of these grids, {@code [rows, columns]}; others go to their nearest.
   *
   * @param values of all columns; of fewer only where a row has one grid
   */
  AffineTensor pack(float[] values) {
    int columns = rows == 0 ? groupOf.length : values.length / rows;
    byte[] codes = new byte[values.length];
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (byte) of(i / columns, i % columns).code(values[i]);
    }
    float[] scales = new float[grids.length];
    int[] zeros = new int[grids.length];
    for (int i = 0; i < grids.length; i++) {
      scales[i] = grids[i].scale();
      zeros[i] = grids[i].zero();
    }
    return AffinePacker.pack(
        new long[] {rows, columns},
        spec,
        codes,
        scales,
        spec.symmetric() ? null : zeros,
        indexed ? groupOf : null);
  }
}
