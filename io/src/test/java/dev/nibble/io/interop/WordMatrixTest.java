package dev.nibble.io.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Word matrices against words computed by hand. */
class WordMatrixTest {

  private static int[] ints(byte[] bytes) {
    int[] out = new int[bytes.length / 4];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(out);
    return out;
  }

  @Test
  void nibblesFillAWordFromTheLowEnd() {
    byte[] codes = {1, 2, 3, 4, 5, 6, 7, 15};
    assertThat(ints(WordMatrix.packRows(codes, 1, 8, 4))).containsExactly(0xf7654321);
  }

  /** Code 10 has 2 bits in the first word and 1 in the second, code 21 has 1 and 2. */
  @Test
  void threeBitCodesStraddleWords() {
    byte[] codes = new byte[32];
    codes[10] = 0b101;
    codes[21] = 0b110;
    codes[31] = 7;
    assertThat(ints(WordMatrix.packRows(codes, 1, 32, 3)))
        .containsExactly(0b01 << 30, 1 | 0b0 << 31, 0b11 | 7 << 29);
  }

  @Test
  void columnsHoldOneStreamEach() {
    byte[] codes = {
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0,
      0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0
    };
    byte[] words = WordMatrix.packColumns(codes, 2, 16, 4);
    assertThat(ints(words)).containsExactly(0x87654321, 0x10000000, 0x0fedcba9, 0x00000001);
    assertThat(WordMatrix.unpackColumns(MemorySegment.ofArray(words), 2, 16, 4)).isEqualTo(codes);
  }

  @Test
  void awqInterleavesEvenAndOddOutputs() {
    byte[] outputs = {0, 1, 2, 3, 4, 5, 6, 7};
    byte[] nibbles = AwqLayout.reorder(outputs, true);
    assertThat(ints(WordMatrix.packRows(nibbles, 1, 8, 4))).containsExactly(0x75316420);
    assertThat(AwqLayout.reorder(nibbles, false)).isEqualTo(outputs);
  }

  @Test
  void wholeCodesLeaveTheTopBitsFree() {
    int[] words = {0b010_001_000_111_110_101_100_011_010_001, 0b101};
    MemorySegment data = Grids.words(words);
    assertThat(WordMatrix.unpackWholeCodes(data, 1, 11, 3))
        .containsExactly(1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 5);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5, 6, 7, 8})
  void packedStreamsComeBack(int bits) {
    int streams = 67;
    int count = 96;
    byte[] codes = new byte[streams * count];
    new Random(bits).nextBytes(codes);
    for (int i = 0; i < codes.length; i++) {
      codes[i] &= (byte) ((1 << bits) - 1);
    }
    MemorySegment rows = MemorySegment.ofArray(WordMatrix.packRows(codes, streams, count, bits));
    assertThat(WordMatrix.unpackRows(rows, streams, count, bits)).isEqualTo(codes);
    MemorySegment columns =
        MemorySegment.ofArray(WordMatrix.packColumns(codes, streams, count, bits));
    assertThat(WordMatrix.unpackColumns(columns, streams, count, bits)).isEqualTo(codes);
    byte[] back = WordMatrix.transpose(WordMatrix.transpose(codes, streams, count), count, streams);
    assertThat(back).isEqualTo(codes);
  }
}
