package dev.nibble.runtime.kernel;

import java.util.Arrays;

/** An input vector in a kernel's own order, with what else a kernel works out once for all rows. */
public final class Input {
  /** The values, permuted as the kernel asks. */
  final float[] x;

  /** Sum of the input over each group of columns. */
  final float[] sums;

  /** Inputs of a matrix's bands, made when first needed and then kept. */
  private Input[] parts = {};

  /** Products of codewords with the input, where a kernel looks them up. */
  private float[] tables = {};

  /** Space for vectors of up to {@code columns} values. */
  public Input(int columns) {
    x = new float[columns + Lanes.WIDTH];
    sums = new float[columns];
  }

  /** Makes sure that there are {@code count} parts, each as large as this. */
  void reserveParts(int count) {
    if (parts.length < count) {
      int had = parts.length;
      parts = Arrays.copyOf(parts, count);
      for (int i = had; i < count; i++) {
        parts[i] = new Input(sums.length);
      }
    }
  }

  /** The input of band {@code i}. */
  Input part(int i) {
    return parts[i];
  }

  /** At least {@code size} floats whose content stays until a larger size is asked for. */
  float[] tables(int size) {
    if (tables.length < size) {
      tables = new float[size];
    }
    return tables;
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
