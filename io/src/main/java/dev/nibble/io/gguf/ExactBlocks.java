package dev.nibble.io.gguf;

import dev.nibble.core.NibbleException;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.tensor.AffineTensor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Integer codes with group scales re-packed as ggml blocks of 32 without rounding anything. Every
 * row is decoded again and compared, so a scale or offset that half precision cannot hold is found.
 */
final class ExactBlocks {
  private ExactBlocks() {}

  /** The block type that may hold {@code t} exactly, empty when its layout rules that out. */
  static Optional<GgmlType> typeFor(AffineTensor t) {
    boolean groups = t.groupSize() == 0 || t.groupSize() % 32 == 0 || t.groupsPerRow() == 1;
    if (t.columns() % 32 != 0 || t.groupIndex() != null || !groups) {
      return Optional.empty();
    }
    if (t.symmetric()) {
      return Optional.of(
          t.bits() <= 4 ? GgmlType.Q4_0 : t.bits() == 5 ? GgmlType.Q5_0 : GgmlType.Q8_0);
    }
    return switch (t.bits()) {
      case 1, 2, 3, 4 -> Optional.of(GgmlType.Q4_1);
      case 5 -> Optional.of(GgmlType.Q5_1);
      default -> Optional.empty();
    };
  }

  /**
   * Packs one row to {@code out[at ..]}.
   *
   * @throws NibbleException when a value would change
   */
  static void packRow(AffineTensor t, GgmlType type, long row, byte[] out, int at, String name) {
    int columns = t.columns();
    int[] codes = new int[32];
    int start = at;
    for (int c = 0; c < columns; c += 32) {
      int group = t.groupOf(c);
      int zero = t.zero(row, group);
      float scale = t.scale(row, group);
      for (int i = 0; i < 32; i++) {
        codes[i] = t.code(row, c + i);
      }
      packBlock(type, codes, zero, scale, out, at);
      at += type.blockBytes();
    }
    float[] expected = new float[columns];
    float[] found = new float[columns];
    t.dequantize(row, row + 1, expected, 0);
    type.dequantize(MemorySegment.ofArray(out), start, found, 0, columns);
    for (int c = 0; c < columns; c++) {
      if (expected[c] != found[c]) {
        throw new NibbleException(
            name
                + ": element ["
                + row
                + ", "
                + c
                + "] would change from "
                + expected[c]
                + " to "
                + found[c]
                + " in GGUF type "
                + type
                + "; quantize with fp16 scales and symmetric groups, or export with a mix");
      }
    }
  }

  private static void packBlock(
      GgmlType type, int[] codes, int zero, float scale, byte[] out, int at) {
    putHalf(out, at, scale);
    switch (type) {
      case Q4_0 -> nibbles(codes, 8 - zero, out, at + 2);
      case Q5_0 -> {
        fifthBits(codes, 16 - zero, out, at + 2);
        nibbles(codes, 16 - zero, out, at + 6);
      }
      case Q4_1 -> {
        putHalf(out, at + 2, -scale * zero);
        nibbles(codes, 0, out, at + 4);
      }
      case Q5_1 -> {
        putHalf(out, at + 2, -scale * zero);
        fifthBits(codes, 0, out, at + 4);
        nibbles(codes, 0, out, at + 8);
      }
      case Q8_0 -> {
        for (int i = 0; i < 32; i++) {
          out[at + 2 + i] = (byte) (codes[i] - zero);
        }
      }
      default -> throw new IllegalArgumentException(type.name());
    }
  }

  private static void putHalf(byte[] out, int at, float value) {
    short bits = Float.floatToFloat16(value);
    out[at] = (byte) bits;
    out[at + 1] = (byte) (bits >> 8);
  }

  private static void nibbles(int[] codes, int shift, byte[] out, int at) {
    for (int i = 0; i < 16; i++) {
      out[at + i] = (byte) (((codes[i] + shift) & 15) | ((codes[i + 16] + shift) & 15) << 4);
    }
  }

  private static void fifthBits(int[] codes, int shift, byte[] out, int at) {
    for (int i = 0; i < 4; i++) {
      int bits = 0;
      for (int j = 0; j < 8; j++) {
        bits |= ((codes[8 * i + j] + shift) >> 4 & 1) << j;
      }
      out[at + i] = (byte) bits;
    }
  }
}
