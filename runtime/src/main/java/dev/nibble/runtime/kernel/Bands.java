package dev.nibble.runtime.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Rows of equal length in a mapped segment, cut so that a row is addressed by a slice made once and
 * an int offset: loops over int offsets compile well, loops over long ones do not.
 */
final class Bands {
  private static final long LIMIT = 1L << 30;

  private final MemorySegment[] bands;
  private final int rowsPerBand;
  private final int rowBytes;

  Bands(MemorySegment segment, int rows, long rowBytes) {
    MemorySegment data = offHeap(segment);
    this.rowBytes = Math.toIntExact(rowBytes);
    this.rowsPerBand = Math.clamp(LIMIT / Math.max(1, rowBytes), 1, Math.max(1, rows));
    this.bands = new MemorySegment[(rows + rowsPerBand - 1) / rowsPerBand];
    for (int i = 0; i < bands.length; i++) {
      long first = (long) i * rowsPerBand;
      long count = Math.min(rowsPerBand, rows - first);
      bands[i] = data.asSlice(first * rowBytes, count * rowBytes);
    }
  }

  /**
   * The segment itself when it is mapped or native, else a copy outside the heap. Vector loads from
   * segments over different array types in one process stop being compiled to single instructions
   * and run a hundred times slower, so kernels never see heap segments.
   */
  static MemorySegment offHeap(MemorySegment data) {
    return data.isNative()
        ? data
        : Arena.ofAuto().allocate(Math.max(1, data.byteSize()), 64).copyFrom(data);
  }

  /** Segment that holds a row. */
  MemorySegment of(int row) {
    return bands[row / rowsPerBand];
  }

  /** First row after {@code row} that may lie in another segment. */
  int endOf(int row) {
    return (row / rowsPerBand + 1) * rowsPerBand;
  }

  /** Byte offset of the row in its segment. */
  int at(int row) {
    return row % rowsPerBand * rowBytes;
  }
}
