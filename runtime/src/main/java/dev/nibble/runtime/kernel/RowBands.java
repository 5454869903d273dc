package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.BandedTensor;

/** Bands of rows: every row is multiplied by the kernel of the band that it lies in. */
final class RowBands extends RowMajor {
  private final Matrix[] bands;

  /** Band of each row of the matrix. */
  private final int[] bandOf;

  /** Row of that band. */
  private final int[] rowOf;

  RowBands(BandedTensor weight, Matrix[] bands, String kernel) {
    super(weight, kernel);
    this.bands = bands;
    this.bandOf = new int[rows()];
    this.rowOf = new int[rows()];
    int[] positions = weight.positions();
    int place = 0;
    for (int b = 0; b < bands.length; b++) {
      for (int r = 0; r < bands[b].rows(); r++) {
        bandOf[positions[place]] = b;
        rowOf[positions[place]] = r;
        place++;
      }
    }
  }

  @Override
  public void prepare(float[] x, int offset, Input into) {
    into.reserveParts(bands.length);
    for (int b = 0; b < bands.length; b++) {
      bands[b].prepare(x, offset, into.part(b));
    }
  }

  /** End of the run from row {@code r} that lies together in one band. */
  private int runEnd(int r, int to) {
    int end = r + 1;
    while (end < to && bandOf[end] == bandOf[r] && rowOf[end] == rowOf[end - 1] + 1) {
      end++;
    }
    return end;
  }

  @Override
  public void multiply(int from, int to, Input x, float[] y, int yOffset, Scratch scratch) {
    for (int r = from, end; r < to; r = end) {
      end = runEnd(r, to);
      int first = rowOf[r];
      bands[bandOf[r]].multiply(
          first, first + end - r, x.part(bandOf[r]), y, yOffset + r - first, scratch);
    }
  }

  @Override
  public void decode(int from, int to, float[] out, int offset, Scratch scratch) {
    for (int r = from, end; r < to; r = end) {
      end = runEnd(r, to);
      int first = rowOf[r];
      bands[bandOf[r]].decode(
          first, first + end - r, out, offset + (r - from) * columns(), scratch);
    }
  }
}
