package dev.nibble.core.rounding;

import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import java.util.function.IntConsumer;

/**
 * Round-to-nearest of a whole matrix (sheet 12a): no data, no solver; the baseline that every other
 * solver is judged against. Cost O(elements), or 80 times that with a clip search; memory: one byte
 * per element. Bands of rows are independent: the same bits for any number of threads.
 */
public final class RoundToNearest {
  private static final int BAND_ROWS = 32;

  private RoundToNearest() {}

  /**
   * Quantizes and packs.
   *
   * @param w row-major values of {@code shape}, not modified
   * @param shape logical shape, rows and columns as in {@link PackedTensor}
   * @throws NibbleException when a value is not finite (naming its index), or the options do not
   *     fit the spec
   */
  public static PackedTensor quantize(
      float[] w, long[] shape, QuantSpec spec, RoundingOptions options) {
    try (Workers one = new Workers(1)) {
      return quantize(w, shape, spec, options, one);
    }
  }

  /** As the other, on several threads; not from inside one of their tasks. */
  public static PackedTensor quantize(
      float[] w, long[] shape, QuantSpec spec, RoundingOptions options, Workers workers) {
    int columns = shape.length == 0 ? 1 : Math.toIntExact(shape[shape.length - 1]);
    long elements = 1;
    for (long axis : shape) {
      elements = Math.multiplyExact(elements, axis);
    }
    if (elements != w.length) {
      throw new IllegalArgumentException(
          "the shape has " + elements + " elements, the array " + w.length);
    }
    requireFinite(w, columns);
    return spec.affine()
        ? new AffineRounding(w, shape, columns, spec, options).pack(workers)
        : TableRounding.pack(w, shape, columns, spec, options, workers);
  }

  /** Runs {@code task} for every row, some rows to a thread's task. */
  static void forEachRow(int rows, Workers workers, IntConsumer task) {
    workers.forEach(
        Math.ceilDiv(rows, BAND_ROWS),
        band -> {
          int end = Math.min(rows, (band + 1) * BAND_ROWS);
          for (int row = band * BAND_ROWS; row < end; row++) {
            task.accept(row);
          }
        });
  }

  /** Index of the first NaN or infinity of {@code w}, or -1. */
  public static int firstNonFinite(float[] w) {
    for (int i = 0; i < w.length; i++) {
      if (!Float.isFinite(w[i])) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Refuses values that no grid can hold.
   *
   * @throws NibbleException naming row, column and value of the first one
   */
  public static void requireFinite(float[] w, int columns) {
    int at = firstNonFinite(w);
    if (at >= 0) {
      throw new NibbleException(
          "the element at row "
              + at / columns
              + ", column "
              + at % columns
              + " is "
              + w[at]
              + "; a weight must be finite to be quantized, so repair or re-export the model.",
          NibbleException.BAD_INPUT,
          null);
    }
  }
}
