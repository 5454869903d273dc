package dev.nibble.runtime.kernel;

/** An input vector in a kernel's own order, with sums that turn zero-points into one product. */
public final class Input {
  /** The values, permuted as the kernel asks. */
  final float[] x;

  /** Sum of the input over each group of columns. */
  final float[] sums;

  /** Space for vectors of up to {@code columns} values. */
  public Input(int columns) {
    x = new float[columns + Lanes.WIDTH];
    sums = new float[columns];
  }

  /** Sums over consecutive groups of {@code group} of the {@code n} values from {@code offset}. */
  void sumGroups(float[] source, int offset, int n, int group) {
    for (int g = 0, c = 0; c < n; g++, c += group) {
      double sum = 0;
      for (int i = offset + c, end = offset + Math.min(n, c + group); i < end; i++) {
        sum += source[i];
      }
      sums[g] = (float) sum;
    }
  }
}
