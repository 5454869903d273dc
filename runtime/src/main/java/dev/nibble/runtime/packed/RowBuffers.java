package dev.nibble.runtime.packed;

import static dev.nibble.core.tensor.PackedFormat.ROWS;

/**
 * What a thread needs to pack a row group. Kept for the next weight: new arrays would cost as much
 * as packing does. Contents are undefined.
 */
final class RowBuffers {
  private static final ThreadLocal<RowBuffers> THREADS = ThreadLocal.withInitial(RowBuffers::new);

  /** Stored bytes of the rows. */
  byte[] bytes = new byte[0];

  /** Codes of the rows, eight to an element. */
  long[] eights = new long[0];

  /** Scales of the rows. */
  float[] scales = new float[0];

  /** Mins of the rows. */
  float[] mins = new float[0];

  /** The row group as it will be stored. */
  int[] group = new int[0];

  private RowBuffers() {}

  /**
   * Those of this thread, large enough for a weight.
   *
   * @param groupInts quarter of the bytes of a row group
   */
  static RowBuffers ofThread(CodeRows source, int columns, int groupInts) {
    RowBuffers buffers = THREADS.get();
    int stored = source.bufferBytes(ROWS);
    if (buffers.bytes.length < stored) {
      buffers.bytes = new byte[stored];
    }
    if (buffers.eights.length < ROWS * columns / 8) {
      buffers.eights = new long[ROWS * columns / 8];
    }
    int scales = ROWS * (columns / source.groupColumns());
    if (buffers.scales.length < scales) {
      buffers.scales = new float[scales];
      buffers.mins = new float[scales];
    }
    if (buffers.group.length < groupInts) {
      buffers.group = new int[groupInts];
    }
    return buffers;
  }
}
