package dev.nibble.runtime.packed;

import dev.nibble.core.tensor.PackedFormat;
import dev.nibble.core.tensor.TiledTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

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
    long wanted = format.byteSize(rows, columns);
    if (data.byteSize() != wanted || !data.isNative() || data.address() % 64 != 0) {
      throw new IllegalArgumentException(
          "packed weights need " + wanted + " aligned bytes outside the heap");
    }
  }

  @Override
  public byte[] table() {
    return table.clone();
  }

  /** A stored weight where it lies, or copied when kernels cannot read it there. */
  static PackedWeights of(TiledTensor stored, SegmentAllocator memory) {
    MemorySegment data = stored.data();
    if (!data.isNative() || data.address() % TiledTensor.ALIGNMENT != 0) {
      data = memory.allocate(data.byteSize(), TiledTensor.ALIGNMENT).copyFrom(stored.data());
    }
    int rows = Math.toIntExact(stored.rows());
    return new PackedWeights(
        stored.format(), rows, stored.columns(), stored.factor(), stored.table(), data);
  }

  /** The same weight as a tensor to be stored; a view. */
  public TiledTensor stored() {
    return new TiledTensor(
        new long[] {rows, columns}, format, Math.getExponent(factor), table, data);
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
