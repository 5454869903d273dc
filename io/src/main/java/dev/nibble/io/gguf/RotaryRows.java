package dev.nibble.io.gguf;

import java.lang.foreign.MemorySegment;

/**
 * Two orders of the rows of a head: half-split, where rotary dimension i pairs with {@code i +
 * d/2}, and adjacent, where 2i pairs with 2i + 1. Rows are moved whole, so any stored type can be
 * re-ordered without touching a value.
 */
final class RotaryRows {
  private RotaryRows() {}

  /** Row of the half-split order that stands at {@code row} of the adjacent order. */
  static long halfSplitOf(long row, int headDim) {
    long head = row / headDim;
    long i = row % headDim;
    return head * headDim + (i & 1) * (headDim / 2) + i / 2;
  }

  /** Row of the adjacent order that stands at {@code row} of the half-split order. */
  static long adjacentOf(long row, int headDim) {
    long head = row / headDim;
    long i = row % headDim;
    int half = headDim / 2;
    return head * headDim + (i < half ? 2 * i : 2 * (i - half) + 1);
  }

  /** A heap copy of adjacent-order {@code data} in half-split order. */
  static MemorySegment toHalfSplit(MemorySegment data, long rowBytes, int headDim) {
    MemorySegment out = MemorySegment.ofArray(new byte[Math.toIntExact(data.byteSize())]);
    for (long row = 0, rows = data.byteSize() / rowBytes; row < rows; row++) {
      MemorySegment.copy(data, adjacentOf(row, headDim) * rowBytes, out, row * rowBytes, rowBytes);
    }
    return out;
  }
}
