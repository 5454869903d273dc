package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BitPacking;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Rows of codes as bit streams of whole words without gaps.
 *
 * @param data the rows
 * @param columns codes of a row, whole blocks
 * @param bits bits of a code
 */
record BitRows(MemorySegment data, int columns, int bits) {
  /** What unpacking reads behind a row. */
  private static final int BEHIND = 7;

  private int stride() {
    return Math.toIntExact(AffineTensor.rowStride(columns, bits));
  }

  /** Bytes of a buffer for some rows. */
  int bufferBytes(int count) {
    return Math.addExact(Math.multiplyExact(count, stride()), BEHIND);
  }

  /** Reads rows into a buffer. */
  void load(int row, int count, byte[] buffer) {
    int stride = stride();
    MemorySegment.copy(data, ValueLayout.JAVA_BYTE, (long) row * stride, buffer, 0, count * stride);
  }

  /** Reads the codes of loaded rows, eight to an element. */
  void codes(int count, byte[] buffer, long[] eights) {
    BitPacking.unpackEights(buffer, 0, count * columns, bits, eights);
  }
}
