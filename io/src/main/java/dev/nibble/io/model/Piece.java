package dev.nibble.io.model;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BitPacking;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Rows of a stored tensor that make up a canonical one: {@code count} runs of {@code run} rows, the
 * first at {@code first}, each {@code stride} after the one before. A vector counts as rows of one
 * element.
 *
 * @param sourceRows rows of the whole stored tensor
 * @param first first row taken
 * @param run rows of a run
 * @param stride distance of the starts of two runs
 * @param count number of runs
 * @param transposed the stored matrix is {@code [columns, rows]}
 */
record Piece(long sourceRows, long first, long run, long stride, long count, boolean transposed) {

  private static final int TILE = 64;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  /** All rows. */
  static Piece whole(long rows) {
    return rows(rows, 0, rows);
  }

  /** Consecutive rows. */
  static Piece rows(long sourceRows, long first, long count) {
    return new Piece(sourceRows, first, count, count, 1, false);
  }

  Piece transposed(boolean stored) {
    return new Piece(sourceRows, first, run, stride, count, stored);
  }

  /** True when the canonical tensor is the stored one. */
  boolean isWhole() {
    return run == sourceRows && !transposed;
  }

  /** Rows of the canonical tensor. */
  long rows() {
    return run * count;
  }

  /** Shape that the stored tensor must have for the canonical one to have {@code shape}. */
  long[] sourceShape(long[] shape) {
    long[] source = shape.clone();
    source[0] = sourceRows;
    return transposed ? new long[] {source[1], source[0]} : source;
  }

  /**
   * Takes the rows out of a plain tensor: a view where they are contiguous, else a copy.
   *
   * @param shape shape of the canonical tensor
   */
  DenseTensor of(DenseTensor source, long[] shape) {
    if (isWhole()) {
      return source;
    }
    if (transposed) {
      return new DenseTensor(shape, source.dtype(), transpose(source));
    }
    long rowBytes = source.byteSize() / sourceRows;
    if (count == 1) {
      return new DenseTensor(
          shape, source.dtype(), source.data().asSlice(first * rowBytes, run * rowBytes));
    }
    MemorySegment out = allocate(rows() * rowBytes);
    for (long i = 0; i < count; i++) {
      MemorySegment.copy(
          source.data(), (first + i * stride) * rowBytes, out, i * run * rowBytes, run * rowBytes);
    }
    return new DenseTensor(shape, source.dtype(), out);
  }

  /**
   * Takes the rows out of a tensor that is stored {@code [rows, columns]} in any packing. Integers
   * keep codes, scales and zero-points; of other packings a part comes as fp32, with the same
   * values.
   */
  PackedTensor ofPacked(PackedTensor source, long[] shape) {
    if (source instanceof DenseTensor dense) {
      return transposed(false).of(dense, shape);
    }
    if (run == sourceRows) {
      return source;
    }
    if (source instanceof AffineTensor affine) {
      return ofAffine(affine, shape);
    }
    int columns = source.columns();
    float[] out = new float[Math.toIntExact(rows() * columns)];
    for (long i = 0; i < count; i++) {
      long from = first + i * stride;
      source.dequantize(from, from + run, out, Math.toIntExact(i * run * columns));
    }
    return DenseTensor.of(out, shape);
  }

  private AffineTensor ofAffine(AffineTensor source, long[] shape) {
    int[] taken = takenRows();
    boolean single = source.groupSize() == 0;
    MemorySegment zeros = single ? source.zeros() : takenZeros(source, taken);
    return new AffineTensor(
        shape,
        source.bits(),
        source.groupSize(),
        source.scaleFormat(),
        takenRows(source.codes(), taken),
        single ? source.scales() : takenRows(source.scales(), taken),
        zeros,
        source.groupIndex());
  }

  /** Rows of whole bytes. */
  private MemorySegment takenRows(MemorySegment rows, int[] taken) {
    long bytes = rows.byteSize() / sourceRows;
    MemorySegment out = allocate(taken.length * bytes);
    for (int r = 0; r < taken.length; r++) {
      MemorySegment.copy(rows, taken[r] * bytes, out, r * bytes, bytes);
    }
    return out;
  }

  /** Zero-points are one bit stream over all rows. */
  private static MemorySegment takenZeros(AffineTensor source, int[] taken) {
    if (source.zeros() == null) {
      return null;
    }
    int groups = source.groupsPerRow();
    byte[] zeros = new byte[Math.multiplyExact(taken.length, groups)];
    for (int i = 0; i < zeros.length; i++) {
      zeros[i] = (byte) source.zero(taken[i / groups], i % groups);
    }
    byte[] packed = new byte[Math.toIntExact(AffineTensor.zeroBytes(zeros.length, source.bits()))];
    BitPacking.pack(zeros, 0, zeros.length, source.bits(), packed, 0);
    return MemorySegment.ofArray(packed);
  }

  /** A tile at a time, so that both sides stay in the cache. */
  private MemorySegment transpose(DenseTensor source) {
    int size = source.dtype().bytes();
    long columns = source.shape()[0];
    MemorySegment out = allocate(rows() * columns * size);
    int[] taken = takenRows();
    for (int r0 = 0; r0 < taken.length; r0 += TILE) {
      int r1 = Math.min(taken.length, r0 + TILE);
      for (long c0 = 0; c0 < columns; c0 += TILE) {
        long c1 = Math.min(columns, c0 + TILE);
        for (int r = r0; r < r1; r++) {
          for (long c = c0; c < c1; c++) {
            move(source.data(), c * sourceRows + taken[r], out, r * columns + c, size);
          }
        }
      }
    }
    return out;
  }

  /** Copies one element of {@code size} bytes. */
  private static void move(MemorySegment in, long from, MemorySegment out, long to, int size) {
    switch (size) {
      case 2 -> out.set(SHORT, 2 * to, in.get(SHORT, 2 * from));
      case 4 -> out.set(INT, 4 * to, in.get(INT, 4 * from));
      default -> MemorySegment.copy(in, from * size, out, to * size, size);
    }
  }

  /** For each row of the canonical tensor the row of the stored one. */
  int[] takenRows() {
    int[] taken = new int[Math.toIntExact(rows())];
    Arrays.setAll(taken, i -> (int) (first + i / run * stride + i % run));
    return taken;
  }

  private static MemorySegment allocate(long bytes) {
    return bytes < Integer.MAX_VALUE - 8
        ? MemorySegment.ofArray(new byte[(int) bytes])
        : Arena.ofAuto().allocate(bytes);
  }
}
