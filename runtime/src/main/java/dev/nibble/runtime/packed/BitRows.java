package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BitPacking;
import dev.nibble.core.tensor.PackedFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Codes that are stored as bit streams, each row padded to whole words, in groups of columns. */
abstract class BitRows implements CodeRows {
  /** What unpacking reads behind a row. */
  private static final int BEHIND = 7;

  private final MemorySegment data;
  private final int columns;
  private final int groupColumns;
  private final PackedFormat format;
  private final int stride;

  /**
   * Describes the streams.
   *
   * @param data the rows, without gaps
   * @param columns codes of a row, whole groups
   * @param groupColumns columns that share a scale, as {@link #groupColumns(int, int)} finds it
   * @param mins whether each scale has a min
   * @param table whether codes point into a table
   */
  BitRows(
      MemorySegment data, int columns, int bits, int groupColumns, boolean mins, boolean table) {
    this.data = data;
    this.columns = columns;
    this.groupColumns = groupColumns;
    this.stride = Math.toIntExact(AffineTensor.rowStride(columns, bits));
    int shared = Math.min(128, Integer.lowestOneBit(groupColumns));
    this.format = new PackedFormat(bits, shared, mins, table);
  }

  /**
   * Columns that share a scale; 0 when they are no multiple of 16 or do not divide a row.
   *
   * @param groupSize as tensors state it, 0 for one scale
   */
  static int groupColumns(int columns, int groupSize) {
    int group = groupSize == 0 ? columns : Math.min(columns, groupSize);
    return group % 16 == 0 && columns % group == 0 ? group : 0;
  }

  /** Groups of a row. */
  final int groups() {
    return columns / groupColumns;
  }

  @Override
  public final PackedFormat format() {
    return format;
  }

  @Override
  public final int groupColumns() {
    return groupColumns;
  }

  @Override
  public final int bufferBytes(int count) {
    return Math.addExact(Math.multiplyExact(count, stride), BEHIND);
  }

  @Override
  public final void load(int row, int count, byte[] buffer) {
    MemorySegment.copy(data, ValueLayout.JAVA_BYTE, (long) row * stride, buffer, 0, count * stride);
  }

  @Override
  public final void codes(int count, byte[] buffer, long[] eights) {
    BitPacking.unpackEights(buffer, 0, count * columns, format.bits(), eights);
  }
}
