package dev.nibble.core.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Unsigned codes of 1 to 8 (or 16) bits as one little-endian bit stream: code i occupies bits
 * {@code [i*bits, (i+1)*bits)}, bit b of the stream being bit {@code b % 8} of byte {@code b / 8}.
 */
public final class BitPacking {
  private static final VarHandle EIGHT_BYTES =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private BitPacking() {}

  /** Bytes of {@code count} codes padded to whole 32-bit words. */
  public static long paddedBytes(long count, int bits) {
    return Math.ceilDiv(Math.multiplyExact(count, (long) bits), 32L) * 4;
  }

  /**
   * Writes {@code codes[from .. from + count)} as a stream that starts at {@code out[at]}. The bits
   * after the last code in its byte become 0; later bytes are left alone. Bits of a code above
   * {@code bits} are ignored.
   */
  public static void pack(byte[] codes, int from, int count, int bits, byte[] out, int at) {
    int mask = (1 << bits) - 1;
    int buffer = 0;
    int held = 0;
    for (int i = from; i < from + count; i++) {
      buffer |= (codes[i] & mask) << held;
      held += bits;
      if (held >= 8) {
        out[at++] = (byte) buffer;
        buffer >>>= 8;
        held -= 8;
      }
    }
    if (held > 0) {
      out[at] = (byte) buffer;
    }
  }

  /** Reads {@code count} codes of the stream that starts at {@code in[at]} into {@code codes}. */
  public static void unpack(byte[] in, int at, int count, int bits, byte[] codes) {
    if (bits == 8) {
      System.arraycopy(in, at, codes, 0, count);
      return;
    }
    if (bits == 4) {
      unpackNibbles(in, at, count, codes);
      return;
    }
    int mask = (1 << bits) - 1;
    int buffer = 0;
    int held = 0;
    for (int i = 0; i < count; i++) {
      if (held < bits) {
        buffer |= (in[at++] & 0xff) << held;
        held += 8;
      }
      codes[i] = (byte) (buffer & mask);
      buffer >>>= bits;
      held -= bits;
    }
  }

  /**
   * As {@link #unpack}, eight codes to an element, the first in its lowest byte.
   *
   * @param in with seven bytes more than the stream
   * @param count codes, a multiple of 8
   */
  public static void unpackEights(byte[] in, int at, int count, int bits, long[] eights) {
    long mask = (1L << bits) - 1;
    for (int i = 0; i < count / 8; i++) {
      long stream = (long) EIGHT_BYTES.get(in, at + bits * i);
      long eight = 0;
      for (int k = 0; k < 8; k++) {
        eight |= ((stream >>> (k * bits)) & mask) << (8 * k);
      }
      eights[i] = eight;
    }
  }

  private static void unpackNibbles(byte[] in, int at, int count, byte[] codes) {
    int pairs = count / 2;
    for (int i = 0; i < pairs; i++) {
      int both = in[at + i];
      codes[2 * i] = (byte) (both & 15);
      codes[2 * i + 1] = (byte) (both >> 4 & 15);
    }
    if ((count & 1) != 0) {
      codes[count - 1] = (byte) (in[at + pairs] & 15);
    }
  }

  /** As {@link #pack}, for codes of up to 16 bits. */
  public static void packWide(int[] codes, int from, int count, int bits, byte[] out, int at) {
    int mask = (1 << bits) - 1;
    int buffer = 0;
    int held = 0;
    for (int i = from; i < from + count; i++) {
      buffer |= (codes[i] & mask) << held;
      held += bits;
      for (; held >= 8; held -= 8) {
        out[at++] = (byte) buffer;
        buffer >>>= 8;
      }
    }
    if (held > 0) {
      out[at] = (byte) buffer;
    }
  }

  /** As {@link #unpack}, for codes of up to 16 bits, into {@code codes[to ..]}. */
  public static void unpackWide(byte[] in, int at, int count, int bits, int[] codes, int to) {
    int mask = (1 << bits) - 1;
    int buffer = 0;
    int held = 0;
    for (int i = 0; i < count; i++) {
      for (; held < bits; held += 8) {
        buffer |= (in[at++] & 0xff) << held;
      }
      codes[to + i] = buffer & mask;
      buffer >>>= bits;
      held -= bits;
    }
  }

  /** Code {@code index} of the stream at the start of {@code data}. */
  static int at(MemorySegment data, long index, int bits) {
    long bit = index * bits;
    long at = bit >>> 3;
    int low = data.get(ValueLayout.JAVA_BYTE, at) & 0xff;
    int shift = (int) (bit & 7);
    if (shift + bits > 8) {
      low |= (data.get(ValueLayout.JAVA_BYTE, at + 1) & 0xff) << 8;
    }
    return (low >>> shift) & ((1 << bits) - 1);
  }
}
