package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.PackedFormat;
import java.lang.foreign.MemorySegment;

/**
 * A weight {@code [rows, columns]} in {@link PackedFormat}.
 *
 * @param format layout
 * @param rows outputs, at least 1
 * @param columns inputs, whole column groups
 * @param factor power of two that all scales and mins are to be multiplied with
 * @param table the format's table, unsigned; empty without
 * @param data off-heap, {@code rowGroups · rowGroupBytes} bytes, from an address that 64 divides
 */
public record PackedWeights(
    PackedFormat format, int rows, int columns, float factor, byte[] table, MemorySegment data) {

  /** Checks every size, so that a kernel may rely on them. */
  public PackedWeights {
    table = table.clone();
    if (table.length != (format.table() ? PackedFormat.TABLE : 0)) {
      throw new IllegalArgumentException("a table of " + table.length + " entries");
    }
    if (rows < 1 || columns < 1 || columns % format.groupColumns() != 0) {
      throw new IllegalArgumentException(
          rows + " x " + columns + " are not whole groups of " + format.groupColumns());
    }
    long wanted = byteSize(format, rows, columns);
    if (data.byteSize() != wanted || !data.isNative() || data.address() % 64 != 0) {
      throw new IllegalArgumentException(
          "packed weights need " + wanted + " aligned bytes outside the heap");
    }
  }

  @Override
  public byte[] table() {
    return table.clone();
  }

  /** Bytes of a weight in a format. */
  public static long byteSize(PackedFormat format, int rows, int columns) {
    long strip = (long) columns / format.groupColumns() * format.groupBytes();
    return Math.multiplyExact(strip, Math.ceilDiv(rows, PackedFormat.ROWS));
  }

  /** Column groups of a row. */
  public int groups() {
    return columns / format.groupColumns();
  }

  /** Row groups, the last one perhaps not full. */
  public int rowGroups() {
    return Math.ceilDiv(rows, PackedFormat.ROWS);
  }

  /** Bytes of a row group. */
  public long rowGroupBytes() {
    return (long) groups() * format.groupBytes();
  }
}
