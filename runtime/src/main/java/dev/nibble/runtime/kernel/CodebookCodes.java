package dev.nibble.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Rows of codes of 1 to 16 bits, one little-endian bit stream a row. Eight codes of up to 8 bits
 * begin at a whole byte and lie in one 64-bit load.
 */
final class CodebookCodes {
  private final Bands bands;
  private final int bits;
  private final int mask;
  private final int count;
  private final int rowBytes;

  /**
   * Codes as a packed tensor stores them.
   *
   * @param count codes of a row
   */
  CodebookCodes(MemorySegment codes, int rows, long rowBytes, int bits, int count) {
    this.bands = new Bands(codes, rows, rowBytes);
    this.bits = bits;
    this.mask = (1 << bits) - 1;
    this.count = count;
    this.rowBytes = Math.toIntExact(rowBytes);
  }

  /** Codes of a row. */
  int count() {
    return count;
  }

  /** Codes {@code [from, from + n)} of a row, from out[0]; {@code from} is a multiple of 8. */
  void read(int row, int from, int n, int[] out) {
    MemorySegment s = bands.of(row);
    int at = bands.at(row) + from / 8 * bits;
    if (bits > 8) {
      wide(s, at, n, out);
      return;
    }
    int i = 0;
    for (; i + 8 <= n && at + 8 <= s.byteSize(); i += 8, at += bits) {
      long word = s.get(Bytes.LE_LONG, at);
      for (int k = 0; k < 8; k++) {
        out[i + k] = (int) (word >>> (k * bits)) & mask;
      }
    }
    for (int k = 0; i < n; i++, k++) {
      out[i] = code(s, at, k);
    }
  }

  /**
   * {@code y[yOffset + row] += Σ tables[i·2^bits + code(i)]} over codes {@code [first, first + n)}
   * of rows {@code [from, to)}: sums of looked-up products. Codes have at most 8 bits.
   *
   * @param first a multiple of 8
   */
  void addSums(int from, int to, int first, int n, float[] tables, float[] y, int yOffset) {
    int t = first << bits;
    for (int row = from; row < to; ) {
      MemorySegment s = bands.of(row);
      int at = bands.at(row) + first / 8 * bits;
      for (int end = Math.min(bands.endOf(row), to); row < end; row++, at += rowBytes) {
        y[yOffset + row] += sum(s, at, n, tables, t);
      }
    }
  }

  private float sum(MemorySegment s, int start, int n, float[] tables, int firstTable) {
    int size = 1 << bits;
    int at = start;
    int t = firstTable;
    float a = 0;
    float b = 0;
    float c = 0;
    float d = 0;
    int i = 0;
    for (; i + 8 <= n && at + 8 <= s.byteSize(); i += 8, at += bits, t += 8 * size) {
      long word = s.get(Bytes.LE_LONG, at);
      a += tables[t + ((int) word & mask)];
      b += tables[t + size + ((int) (word >>> bits) & mask)];
      c += tables[t + 2 * size + ((int) (word >>> (2 * bits)) & mask)];
      d += tables[t + 3 * size + ((int) (word >>> (3 * bits)) & mask)];
      a += tables[t + 4 * size + ((int) (word >>> (4 * bits)) & mask)];
      b += tables[t + 5 * size + ((int) (word >>> (5 * bits)) & mask)];
      c += tables[t + 6 * size + ((int) (word >>> (6 * bits)) & mask)];
      d += tables[t + 7 * size + ((int) (word >>> (7 * bits)) & mask)];
    }
    for (int k = 0; i < n; i++, k++, t += size) {
      a += tables[t + code(s, at, k)];
    }
    return (a + b) + (c + d);
  }

  private void wide(MemorySegment s, int at, int n, int[] out) {
    long buffer = 0;
    int held = 0;
    for (int i = 0; i < n; i++) {
      while (held < bits) {
        buffer |= (s.get(ValueLayout.JAVA_BYTE, at++) & 0xffL) << held;
        held += 8;
      }
      out[i] = (int) buffer & mask;
      buffer >>>= bits;
      held -= bits;
    }
  }

  private int code(MemorySegment s, int at, int k) {
    int bit = k * bits;
    int from = at + (bit >> 3);
    int value = s.get(ValueLayout.JAVA_BYTE, from) & 0xff;
    if ((bit & 7) + bits > 8) {
      value |= (s.get(ValueLayout.JAVA_BYTE, from + 1) & 0xff) << 8;
    }
    return (value >>> (bit & 7)) & mask;
  }
}
