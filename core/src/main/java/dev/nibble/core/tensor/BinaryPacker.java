package dev.nibble.core.tensor;

import dev.nibble.core.spec.ScaleFormat;
import java.lang.foreign.MemorySegment;

/** Builds {@link BinaryTensor}s from plain arrays, on the heap. */
public final class BinaryPacker {
  private BinaryPacker() {}

  /**
   * Packs weights of one bit.
   *
   * @param signs {@code [rows, columns]}, 1 for +
   * @param scalars {@code [rows, B, 2]}, or {@code [rows, B, 1]} when not centred; each a value of
   *     the scale format
   */
  public static BinaryTensor pack(
      long[] shape,
      int blockSize,
      boolean centred,
      ScaleFormat scaleFormat,
      byte[] signs,
      float[] scalars) {
    return new BinaryTensor(
        shape,
        blockSize,
        centred,
        scaleFormat,
        bits(shape, blockSize, signs, 0),
        null,
        null,
        PackedParts.floats(scalars, scaleFormat));
  }

  /**
   * Packs weights of two bits.
   *
   * @param codes {@code [rows, columns]}: the sign in bit 0, 1 for +, the second bit in bit 1
   * @param salient of each column
   * @param scalars {@code [rows, B, 7]}, or {@code [rows, B, 4]} when not centred; each a value of
   *     the scale format
   */
  public static BinaryTensor pack(
      long[] shape,
      int blockSize,
      boolean centred,
      ScaleFormat scaleFormat,
      byte[] codes,
      boolean[] salient,
      float[] scalars) {
    byte[] columns = new byte[salient.length];
    for (int c = 0; c < columns.length; c++) {
      columns[c] = (byte) (salient[c] ? 1 : 0);
    }
    return new BinaryTensor(
        shape,
        blockSize,
        centred,
        scaleFormat,
        bits(shape, blockSize, codes, 0),
        bits(shape, blockSize, codes, 1),
        bits(new long[] {1, columns.length}, blockSize, columns, 0),
        PackedParts.floats(scalars, scaleFormat));
  }

  private static MemorySegment bits(long[] shape, int blockSize, byte[] codes, int which) {
    byte[] shifted = new byte[codes.length];
    for (int i = 0; i < codes.length; i++) {
      shifted[i] = (byte) (codes[i] >> which & 1);
    }
    return PackedParts.codes(shifted, GroupLayout.of(shape, blockSize), 1);
  }
}
