package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.PackedFormat;

/**
 * A stored weight as unsigned codes with a scale, and perhaps a min, for every group of columns.
 * Safe for concurrent use.
 */
interface CodeRows {

  /** Layout that holds the weight without changing a code. */
  PackedFormat format();

  /** Columns that share a scale in the stored weight. */
  int groupColumns();

  /** Table of the format, or nothing. */
  default byte[] table() {
    return new byte[0];
  }

  /** Bytes of a buffer for some rows. */
  int bufferBytes(int count);

  /** Reads the stored bytes of consecutive rows into a buffer. */
  void load(int row, int count, byte[] buffer);

  /**
   * Reads the codes of the first rows of a buffer.
   *
   * @param eights receives eight codes each, the first in the lowest byte, row after row
   */
  void codes(int count, byte[] buffer, long[] eights);

  /**
   * Reads the scales of loaded rows.
   *
   * @param row the first row, which the buffer starts with
   * @param scales receives a scale per group, row after row
   * @param mins receives a min per group when the format has mins
   */
  void scales(int row, int count, byte[] buffer, float[] scales, float[] mins);
}
