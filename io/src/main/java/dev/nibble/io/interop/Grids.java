package dev.nibble.io.interop;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Scales and zero-points between {@code [groups, rows]} and {@code [rows, groups]}. */
final class Grids {
  private Grids() {}

  /** {@code [rows, columns]} to {@code [columns, rows]}. */
  static float[] transpose(float[] matrix, int rows, int columns) {
    float[] out = new float[matrix.length];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        out[c * rows + r] = matrix[r * columns + c];
      }
    }
    return out;
  }

  /** Bytes as numbers from 0 to 255. */
  static int[] unsigned(byte[] codes) {
    int[] out = new int[codes.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = codes[i] & 0xff;
    }
    return out;
  }

  /** Numbers from 0 to 255 as bytes. */
  static byte[] narrow(int[] codes) {
    byte[] out = new byte[codes.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (byte) codes[i];
    }
    return out;
  }

  /** Numbers as little-endian 32-bit words. */
  static MemorySegment words(int[] values) {
    ByteBuffer out = ByteBuffer.allocate(Math.multiplyExact(values.length, Integer.BYTES));
    out.order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().put(values);
    return MemorySegment.ofBuffer(out);
  }
}
