package dev.nibble.io.interop;

import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BitPacking;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Codes in matrices of 32-bit words. A stream of codes runs along a row or a column of words, code
 * c in bits {@code [c*bits, (c+1)*bits)} counted from the lowest bit of the first word; where
 * {@code bits} does not divide 32 a code may straddle two words. All word matrices are row-major
 * and little-endian; all code matrices hold one stream after the other.
 */
final class WordMatrix {
  private static final int TILE = 64;
  private static final ValueLayout.OfInt LE32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private WordMatrix() {}

  /** Words of a stream of {@code count} codes. */
  static int words(long count, int bits) {
    return Math.toIntExact(AffineTensor.rowStride(Math.toIntExact(count), bits) / Integer.BYTES);
  }

  /** Words of a stream of {@code count} codes, none of which straddles two words. */
  static int wholeWords(int count, int bits) {
    return Math.ceilDiv(count, Integer.SIZE / bits);
  }

  /**
   * Reads streams along rows.
   *
   * @param words {@code [streams, words(count, bits)]}
   * @return {@code [streams, count]}
   */
  static byte[] unpackRows(MemorySegment words, int streams, int count, int bits) {
    byte[] out = new byte[Math.multiplyExact(streams, count)];
    byte[] row = new byte[words(count, bits) * Integer.BYTES];
    byte[] codes = new byte[count];
    for (int s = 0; s < streams; s++) {
      MemorySegment.copy(words, ValueLayout.JAVA_BYTE, (long) s * row.length, row, 0, row.length);
      BitPacking.unpack(row, 0, count, bits, codes);
      System.arraycopy(codes, 0, out, s * count, count);
    }
    return out;
  }

  /**
   * Reads streams along rows in which no code straddles two words: {@code 32 / bits} codes a word.
   *
   * @param words {@code [streams, ceil(count / (32 / bits))]}
   * @return {@code [streams, count]}
   */
  static byte[] unpackWholeCodes(MemorySegment words, int streams, int count, int bits) {
    byte[] out = new byte[Math.multiplyExact(streams, count)];
    int perWord = Integer.SIZE / bits;
    long rowWords = wholeWords(count, bits);
    int mask = (1 << bits) - 1;
    for (int s = 0; s < streams; s++) {
      for (int c = 0; c < count; c++) {
        int word = words.get(LE32, (s * rowWords + c / perWord) * Integer.BYTES);
        out[s * count + c] = (byte) ((word >>> (c % perWord * bits)) & mask);
      }
    }
    return out;
  }

  /**
   * Reads streams along columns.
   *
   * @param words {@code [words(count, bits), streams]}
   * @return {@code [streams, count]}
   */
  static byte[] unpackColumns(MemorySegment words, int streams, int count, int bits) {
    byte[] rows = transposeWords(words, words(count, bits), streams);
    return unpackRows(MemorySegment.ofArray(rows), streams, count, bits);
  }

  /** The inverse of {@link #unpackRows}; the bytes of the words. */
  static byte[] packRows(byte[] codes, int streams, int count, int bits) {
    int stride = words(count, bits) * Integer.BYTES;
    byte[] out = new byte[Math.multiplyExact(streams, stride)];
    for (int s = 0; s < streams; s++) {
      BitPacking.pack(codes, s * count, count, bits, out, s * stride);
    }
    return out;
  }

  /** The inverse of {@link #unpackColumns}; the bytes of the words. */
  static byte[] packColumns(byte[] codes, int streams, int count, int bits) {
    byte[] rows = packRows(codes, streams, count, bits);
    return transposeWords(MemorySegment.ofArray(rows), streams, words(count, bits));
  }

  /** {@code [rows, columns]} words to {@code [columns, rows]}, a tile at a time. */
  static byte[] transposeWords(MemorySegment words, int rows, int columns) {
    byte[] bytes = new byte[Math.multiplyExact(Math.multiplyExact(rows, columns), Integer.BYTES)];
    MemorySegment out = MemorySegment.ofArray(bytes);
    for (int r0 = 0; r0 < rows; r0 += TILE) {
      int r1 = Math.min(rows, r0 + TILE);
      for (int c0 = 0; c0 < columns; c0 += TILE) {
        int c1 = Math.min(columns, c0 + TILE);
        for (int r = r0; r < r1; r++) {
          for (int c = c0; c < c1; c++) {
            int word = words.get(LE32, ((long) r * columns + c) * Integer.BYTES);
            out.set(LE32, ((long) c * rows + r) * Integer.BYTES, word);
          }
        }
      }
    }
    return bytes;
  }

  /** {@code [rows, columns]} to {@code [columns, rows]}, a tile at a time. */
  static byte[] transpose(byte[] matrix, int rows, int columns) {
    byte[] out = new byte[matrix.length];
    for (int r0 = 0; r0 < rows; r0 += TILE) {
      int r1 = Math.min(rows, r0 + TILE);
      for (int c0 = 0; c0 < columns; c0 += TILE) {
        int c1 = Math.min(columns, c0 + TILE);
        for (int r = r0; r < r1; r++) {
          for (int c = c0; c < c1; c++) {
            out[c * rows + r] = matrix[r * columns + c];
          }
        }
      }
    }
    return out;
  }
}
