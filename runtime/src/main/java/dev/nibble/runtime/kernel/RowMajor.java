package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.PackedTensor;

/** What all bound matrices share; the input is taken in its own order. */
abstract class RowMajor implements Matrix {
  private final String kernel;
  private final int rows;
  private final int columns;
  private final long bytes;

  RowMajor(PackedTensor weight, String kernel) {
    this.kernel = kernel;
    this.rows = Math.toIntExact(weight.rows());
    this.columns = weight.columns();
    this.bytes = weight.byteSize();
  }

  @Override
  public final int rows() {
    return rows;
  }

  @Override
  public final int columns() {
    return columns;
  }

  @Override
  public final long byteSize() {
    return bytes;
  }

  @Override
  public final String kernel() {
    return kernel;
  }

  @Override
  public void prepare(float[] x, int offset, Input into) {
    System.arraycopy(x, offset, into.x, 0, columns);
  }
}
