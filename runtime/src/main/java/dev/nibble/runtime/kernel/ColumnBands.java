package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.BandedTensor;

/**
 * Bands of columns: each multiplies its share of the input, and the products are added in order.
 */
final class ColumnBands extends RowMajor {
  private final Matrix[] bands;

  /** Column of the matrix at each index along the bands. */
  private final int[] positions;

  ColumnBands(BandedTensor weight, Matrix[] bands, String kernel) {
    super(weight, kernel);
    this.bands = bands;
    this.positions = weight.positions();
  }

  @Override
  public void prepare(float[] x, int offset, Input into) {
    into.reserveParts(bands.length);
    for (int c = 0; c < positions.length; c++) {
      into.x[c] = x[offset + positions[c]];
    }
    int at = 0;
    for (int b = 0; b < bands.length; b++) {
      bands[b].prepare(into.x, at, into.part(b));
      at += bands[b].columns();
    }
  }

  @Override
  public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch scratch) {
    bands[0].multiply(from, to, x.part(0), y, yOffset, scratch);
    float[] product = scratch.band(to - from);
    for (int b = 1; b < bands.length; b++) {
      bands[b].multiply(from, to, x.part(b), product, -from, scratch);
      for (int r = from; r < to; r++) {
        y[yOffset + r] += product[r - from];
      }
    }
  }

  @Override
  public void decode(int from, int to, float[] out, int offset, Scratch scratch) {
    int rows = to - from;
    float[] values = scratch.band(rows * columns());
    int at = 0;
    for (Matrix band : bands) {
      int width = band.columns();
      band.decode(from, to, values, 0, scratch);
      for (int r = 0; r < rows; r++) {
        int target = offset + r * columns();
        for (int c = 0; c < width; c++) {
          out[target + positions[at + c]] = values[r * width + c];
        }
      }
      at += width;
    }
  }
}
