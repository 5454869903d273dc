package dev.nibble.compress.solve;

import dev.nibble.compress.StoredForm;
import dev.nibble.core.spec.Granularity;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How a matrix with outliers is stored: whole columns as a band of half precision, where the others
 * need no groups of columns; else values apart from the codes.
 */
final class OutlierStorage {
  private static final float LARGEST_HALF = 65504f;

  private final QuantSpec spec;
  private final boolean band;

  OutlierStorage(QuantSpec spec, QuantEaseOptions options) {
    this.spec = spec;
    this.band =
        options.structure() == QuantEaseOptions.Structure.COLUMNS
            && spec.granularity() != Granularity.GROUP;
  }

  /** The stored form. */
  StoredForm form(QuantEaseOptions options) {
    return band
        ? new KeptColumnsForm(spec, options.outliers())
        : new SparseForm(
            new StoredForm.OfSpec(spec, options.storesGroupIndex(spec)), options.outliers());
  }

  /**
   * Stores a matrix.
   *
   * @param grids of the values that are not marked
   * @param values {@code [rows, columns]}: those marked as they are to be, the others of the grids
   */
  PackedTensor pack(WeightGrids grids, float[] values, boolean[] marked, int columns) {
    float[] halves = values.clone();
    for (int i = 0; i < halves.length; i++) {
      halves[i] = Math.clamp(halves[i], -LARGEST_HALF, LARGEST_HALF);
    }
    if (!band) {
      float[] codes = values.clone();
      for (int i = 0; i < codes.length; i++) {
        codes[i] = marked[i] ? 0 : codes[i];
      }
      return OutlierTensor.of(grids.pack(codes), marked, halves);
    }
    int rows = values.length / columns;
    int[] kept = IntStream.range(0, columns).filter(c -> marked[c]).toArray();
    int[] coded = IntStream.range(0, columns).filter(c -> !marked[c]).toArray();
    PackedTensor dense =
        DenseTensor.rounded(select(halves, kept, columns), DType.F16, rows, kept.length);
    return BandedTensor.of(
        new long[] {rows, columns},
        BandedTensor.Axis.COLUMNS,
        List.of(grids.pack(select(values, coded, columns)), dense),
        1,
        IntStream.concat(IntStream.of(coded), IntStream.of(kept)).toArray());
  }

  private static float[] select(float[] values, int[] chosen, int columns) {
    float[] out = new float[values.length / columns * chosen.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = values[i / chosen.length * columns + chosen[i % chosen.length]];
    }
    return out;
  }
}
