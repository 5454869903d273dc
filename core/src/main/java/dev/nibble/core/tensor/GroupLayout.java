package dev.nibble.core.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Sizes that follow from a shape and a group size.
 *
 * @param rows product of all axes but the last
 * @param columns last axis
 * @param groups scales per row
 * @param scales scales of the tensor
 */
record GroupLayout(long rows, int columns, int groups, long scales) {

  /**
   * @param groupSize columns per group, 0 for one scale for the whole tensor
   */
  static GroupLayout of(long[] shape, int groupSize) {
    long rows = 1;
    for (int i = 0; i < shape.length - 1; i++) {
      rows = Math.multiplyExact(rows, shape[i]);
    }
    int columns = shape.length == 0 ? 1 : Math.toIntExact(shape[shape.length - 1]);
    int groups = groupSize == 0 ? 1 : Math.ceilDiv(columns, groupSize);
    return new GroupLayout(
        rows, columns, groups, groupSize == 0 ? 1 : Math.multiplyExact(rows, (long) groups));
  }

  long codeBytes(int bits) {
    return Math.multiplyExact(rows, BitPacking.paddedBytes(columns, bits));
  }

  void requireBytes(String part, long expected, MemorySegment found) {
    if (found.byteSize() != expected) {
      throw new IllegalArgumentException(
          part
              + " of a packed tensor of "
              + rows
              + " x "
              + columns
              + " must have "
              + expected
              + " bytes, not "
              + found.byteSize());
    }
  }
}
