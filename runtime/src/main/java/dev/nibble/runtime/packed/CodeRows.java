package dev.nibble.runtime.packed;

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

  /**
   * Reads a row.
   *
   * @param codes receives a code per column
   * @param scales receives a scale per group
   * @param mins receives a min per group when the format has mins
   */
  void read(int row, byte[] codes, float[] scales, float[] mins);
}
