package dev.nibble.runtime.kernel;

import static dev.nibble.runtime.kernel.Lanes.I;
import static dev.nibble.runtime.kernel.Lanes.WIDTH;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Unpacks rows of {@code bits}-bit codes, 1 to 7 bits, stored as one little-endian bit stream.
 *
 * <p>A vector of 32-bit words is loaded where {@code 2·WIDTH} codes begin, which is always at a
 * whole byte. Each lane selects the word in which its code begins and the one after it, and shifts
 * both by its own distance; the two halves of the codes have their own tables of words and shifts.
 */
final class BitStream {
  private final int bits;
  private final int mask;

  /** Word in which code j begins, for {@code 2·WIDTH} codes. */
  private final int[] words = new int[2 * WIDTH];

  /** Bit of that word. */
  private final int[] shifts = new int[2 * WIDTH];

  BitStream(int bits) {
    this.bits = bits;
    this.mask = (1 << bits) - 1;
    for (int j = 0; j < words.length; j++) {
      words[j] = j * bits / 32;
      shifts[j] = j * bits % 32;
    }
  }

  /**
   * Codes {@code [from, from + count)} of a row as floats.
   *
   * @param at byte at which the row begins
   * @param from a multiple of 32
   */
  void floats(MemorySegment s, int at, int from, int count, float[] out) {
    int whole = whole(s, at, from, count);
    vectors(s, at + from / 8 * bits, whole, out);
    for (int c = whole; c < count; c++) {
      out[c] = code(s, at, from + c);
    }
  }

  /** As {@link #floats}, each code (of at most 4 bits) replaced by its entry in a table. */
  void levels(MemorySegment s, int at, int from, int count, Levels table, float[] out) {
    int whole = whole(s, at, from, count);
    lookUps(s, at + from / 8 * bits, whole, table, out);
    for (int c = whole; c < count; c++) {
      out[c] = table.of(code(s, at, from + c));
    }
  }

  /** Leading codes that whole vectors yield without reading past the segment. */
  private int whole(MemorySegment s, int at, int from, int count) {
    long room = s.byteSize() - 4L * WIDTH - (at + from / 8 * bits);
    if (room < 0) {
      return 0;
    }
    long loads = room / (WIDTH / 4L * bits) + 1;
    return (int) Math.min(count / (2 * WIDTH), loads) * 2 * WIDTH;
  }

  private void vectors(MemorySegment s, int at, int n, float[] out) {
    IntVector firstWords = IntVector.fromArray(I, words, 0);
    IntVector firstShifts = IntVector.fromArray(I, shifts, 0);
    IntVector secondWords = IntVector.fromArray(I, words, WIDTH);
    IntVector secondShifts = IntVector.fromArray(I, shifts, WIDTH);
    int step = WIDTH / 4 * bits;
    for (int c = 0; c < n; c += 2 * WIDTH, at += step) {
      IntVector w = IntVector.fromMemorySegment(I, s, at, LITTLE_ENDIAN);
      Bytes.store(codes(w, firstWords, firstShifts), out, c);
      Bytes.store(codes(w, secondWords, secondShifts), out, c + WIDTH);
    }
  }

  private IntVector codes(IntVector w, IntVector word, IntVector shift) {
    IntVector low = word.selectFrom(w).lanewise(VectorOperators.LSHR, shift);
    // one bit first: a shift by 32 would be a shift by none
    IntVector high =
        word.add(1)
            .selectFrom(w)
            .lanewise(VectorOperators.LSHL, 1)
            .lanewise(VectorOperators.LSHL, shift.not().and(31));
    return low.or(high).and(mask);
  }

  private void lookUps(MemorySegment s, int at, int n, Levels table, float[] out) {
    IntVector firstWords = IntVector.fromArray(I, words, 0);
    IntVector firstShifts = IntVector.fromArray(I, shifts, 0);
    IntVector secondWords = IntVector.fromArray(I, words, WIDTH);
    IntVector secondShifts = IntVector.fromArray(I, shifts, WIDTH);
    IntVector a = table.part(0);
    IntVector b = table.part(1);
    IntVector c = table.part(2);
    IntVector d = table.part(3);
    int step = WIDTH / 4 * bits;
    for (int i = 0; i < n; i += 2 * WIDTH, at += step) {
      IntVector w = IntVector.fromMemorySegment(I, s, at, LITTLE_ENDIAN);
      Levels.of(codes(w, firstWords, firstShifts), a, b, c, d).intoArray(out, i);
      Levels.of(codes(w, secondWords, secondShifts), a, b, c, d).intoArray(out, i + WIDTH);
    }
  }

  private int code(MemorySegment s, int at, int c) {
    int bit = c * bits;
    int from = at + (bit >> 3);
    int value = s.get(ValueLayout.JAVA_BYTE, from) & 0xff;
    if ((bit & 7) + bits > 8) {
      value |= (s.get(ValueLayout.JAVA_BYTE, from + 1) & 0xff) << 8;
    }
    return value >>> (bit & 7) & mask;
  }
}
