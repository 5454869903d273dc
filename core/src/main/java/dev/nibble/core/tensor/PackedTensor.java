package dev.nibble.core.tensor;

/**
 * An n-dimensional array as it is stored. Immutable; safe to read from any thread while the arena
 * or mapping behind its segments is open.
 *
 * <p>The logical shape is row-major with the last axis contiguous. A "row" is one index of all axes
 * but the last, so a linear layer's weight {@code [out, in]} has {@code out} rows of {@code in}
 * columns.
 */
public sealed interface PackedTensor
    permits DenseTensor,
        AffineTensor,
        TableTensor,
        GgmlTensor,
        BandedTensor,
        CodebookTensor,
        BinaryTensor,
        BilevelTensor,
        OutlierTensor,
        TiledTensor {

  /** Logical shape; a fresh copy. */
  long[] shape();

  /**
   * All bytes needed to rebuild the values: codes with padding, scales, zero-points, indices,
   * tables.
   */
  long byteSize();

  /** Short name of the type for reports: {@code bf16}, {@code int4:g128:asym}, {@code q4_k}. */
  String typeName();

  /**
   * Writes the values of rows {@code [fromRow, toRow)} as floats, row-major, starting at {@code
   * out[offset]}.
   *
   * @throws IndexOutOfBoundsException when the range or {@code out} does not fit
   */
  void dequantize(long fromRow, long toRow, float[] out, int offset);

  /** Product of all axes but the last (1 for a vector or scalar). */
  default long rows() {
    long[] s = shape();
    long rows = 1;
    for (int i = 0; i < s.length - 1; i++) {
      rows *= s[i];
    }
    return rows;
  }

  /** Length of the last axis (1 for a scalar). */
  default int columns() {
    long[] s = shape();
    return s.length == 0 ? 1 : Math.toIntExact(s[s.length - 1]);
  }

  /** Number of logical elements. */
  default long elements() {
    return rows() * columns();
  }

  /** Stored bits per logical element, everything counted. */
  default double bitsPerWeight() {
    return elements() == 0 ? 0 : 8.0 * byteSize() / elements();
  }

  /** All values as one new array. */
  default float[] toFloats() {
    float[] out = new float[Math.toIntExact(elements())];
    dequantize(0, rows(), out, 0);
    return out;
  }
}
