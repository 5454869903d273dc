package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.f16;
import static dev.nibble.core.ggml.LittleEndian.i64;
import static dev.nibble.core.ggml.LittleEndian.u16;
import static dev.nibble.core.ggml.LittleEndian.u8;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * The integers behind block types: {@code value = scale · code + min}, or without min {@code scale
 * · (code − 2^(bits−1))}, or of a type with a table {@code scale · levels[code]}, with a scale for
 * 16 or 32 elements.
 */
public final class GgmlCodes {
  private static final int GROUP = 32;
  private static final int SMALL = 16;

  private static final Map<GgmlType, Integer> BITS =
      new EnumMap<>(
          Map.ofEntries(
              Map.entry(GgmlType.Q4_0, 4),
              Map.entry(GgmlType.Q4_1, 4),
              Map.entry(GgmlType.Q5_0, 5),
              Map.entry(GgmlType.Q5_1, 5),
              Map.entry(GgmlType.Q8_0, 8),
              Map.entry(GgmlType.Q2_K, 2),
              Map.entry(GgmlType.Q3_K, 3),
              Map.entry(GgmlType.Q4_K, 4),
              Map.entry(GgmlType.Q5_K, 5),
              Map.entry(GgmlType.Q6_K, 6),
              Map.entry(GgmlType.IQ4_NL, 4),
              Map.entry(GgmlType.IQ4_XS, 4),
              Map.entry(GgmlType.MXFP4, 4),
              Map.entry(GgmlType.NVFP4, 4)));

  /** Offset of the scale of a block's scales. */
  private static final Map<GgmlType, Integer> SCALE_AT =
      new EnumMap<>(
          Map.of(
              GgmlType.Q2_K, 80,
              GgmlType.Q3_K, 108,
              GgmlType.Q4_K, 0,
              GgmlType.Q5_K, 0,
              GgmlType.Q6_K, 208,
              GgmlType.IQ4_XS, 0));

  private static final long NIBBLES = 0x0F0F0F0F0F0F0F0FL;
  private static final long CRUMBS = 0x0303030303030303L;
  private static final long ONES = 0x0101010101010101L;

  private GgmlCodes() {}

  /** Whether a type consists of such groups. */
  public static boolean supports(GgmlType type) {
    return BITS.containsKey(type);
  }

  /** Bits of a code of a supported type. */
  public static int bits(GgmlType type) {
    return BITS.get(type);
  }

  /** Whether a supported type stores mins. */
  public static boolean mins(GgmlType type) {
    return switch (type) {
      case Q4_1, Q5_1, Q2_K, Q4_K, Q5_K -> true;
      default -> false;
    };
  }

  /** The 16 whole numbers that codes of a supported type point to; nothing for linear codes. */
  public static Optional<float[]> levels(GgmlType type) {
    return switch (type) {
      case IQ4_NL, IQ4_XS -> Optional.of(Levels.IQ4.clone());
      case MXFP4, NVFP4 -> Optional.of(Levels.E2M1_DOUBLED.clone());
      default -> Optional.empty();
    };
  }

  /** Columns that share a scale in a supported type. */
  public static int group(GgmlType type) {
    return switch (type) {
      case Q2_K, Q3_K, Q6_K, NVFP4 -> SMALL;
      default -> GROUP;
    };
  }

  /**
   * Reads the codes of a row, or of rows that follow each other.
   *
   * @param type a supported type
   * @param row starts with the row's blocks
   * @param columns whole blocks
   * @param eights receives eight codes each, the first in the lowest byte
   */
  public static void codes(GgmlType type, byte[] row, int columns, long[] eights) {
    switch (type) {
      case Q4_0, IQ4_NL -> nibbles(row, 2, 18, columns, eights);
      case Q4_1 -> nibbles(row, 4, 20, columns, eights);
      case MXFP4 -> nibbles(row, 1, 17, columns, eights);
      case Q5_0 -> {
        nibbles(row, 6, 22, columns, eights);
        fifths(row, 2, 22, columns, eights);
      }
      case Q5_1 -> {
        nibbles(row, 8, 24, columns, eights);
        fifths(row, 4, 24, columns, eights);
      }
      case Q8_0 -> bytes(row, 2, columns, eights);
      default -> {
        int elements = type.blockElements();
        for (int block = 0; block < columns / elements; block++) {
          superBlock(type, row, block * type.blockBytes(), eights, block * elements / 8);
        }
      }
    }
  }

  /** Blocks of 16 low nibbles and as many high ones. */
  private static void nibbles(byte[] b, int from, int stride, int columns, long[] eights) {
    int at = from;
    for (int e = 0; e < columns / 8; e += 4) {
      long first = i64(b, at);
      long second = i64(b, at + 8);
      eights[e] = first & NIBBLES;
      eights[e + 1] = second & NIBBLES;
      eights[e + 2] = first >>> 4 & NIBBLES;
      eights[e + 3] = second >>> 4 & NIBBLES;
      at += stride;
    }
  }

  /** Adds bit 4 to blocks of 32 codes; a product brings four bits into a byte each. */
  private static void fifths(byte[] b, int from, int stride, int columns, long[] eights) {
    for (int e = 0; e < columns / 8; e++) {
      int high = u8(b, from + e / 4 * stride + e % 4);
      long low = (high & 15) * 0x00204081L & 0x01010101;
      long upper = (high >> 4) * 0x00204081L & 0x01010101;
      eights[e] |= (low | (upper << 32)) << 4;
    }
  }

  private static void bytes(byte[] b, int from, int columns, long[] eights) {
    for (int e = 0; e < columns / 8; e++) {
      eights[e] = i64(b, from + e / 4 * 34 + e % 4 * 8) ^ 0x8080808080808080L;
    }
  }

  private static void superBlock(GgmlType type, byte[] b, int at, long[] eights, int e) {
    switch (type) {
      case Q2_K -> crumbs(b, at + 16, eights, e);
      case Q3_K -> {
        crumbs(b, at + 32, eights, e);
        bits(b, at, 2, eights, e);
      }
      case Q4_K -> pairs(b, at + 16, eights, e);
      case Q5_K -> {
        pairs(b, at + 48, eights, e);
        bits(b, at + 16, 4, eights, e);
      }
      case Q6_K -> sixes(b, at, eights, e);
      case IQ4_XS -> {
        for (int j = 0; j < 8; j++) {
          halves(b, at + 8 + 16 * j, 2, eights, e + 4 * j);
        }
      }
      case NVFP4 -> {
        for (int j = 0; j < 4; j++) {
          halves(b, at + 4 + 8 * j, 1, eights, e + 2 * j);
        }
      }
      default -> throw new IllegalArgumentException(type + " has no such codes");
    }
  }

  /** Low nibbles of eight times {@code count} bytes, then the high ones. */
  private static void halves(byte[] b, int at, int count, long[] eights, int e) {
    for (int i = 0; i < count; i++) {
      long q = i64(b, at + 8 * i);
      eights[e + i] = q & NIBBLES;
      eights[e + count + i] = q >>> 4 & NIBBLES;
    }
  }

  /** 256 codes: 32 low nibbles, 32 high nibbles of the same bytes, and so on. */
  private static void pairs(byte[] b, int at, long[] eights, int e) {
    for (int j = 0; j < 4; j++) {
      halves(b, at + 32 * j, 4, eights, e + 8 * j);
    }
  }

  /** 256 codes of two bits: four times 32 of the same bytes, then of the next. */
  private static void crumbs(byte[] b, int at, long[] eights, int e) {
    for (int i = 0; i < 8; i++) {
      long q = i64(b, at + 8 * i);
      int to = e + 16 * (i >> 2) + (i & 3);
      for (int j = 0; j < 4; j++) {
        eights[to + 4 * j] = (q >>> (2 * j)) & CRUMBS;
      }
    }
  }

  /** Adds a bit to 256 codes: bit j of 32 bytes to the j-th 32. */
  private static void bits(byte[] b, int at, int place, long[] eights, int e) {
    for (int i = 0; i < 4; i++) {
      long q = i64(b, at + 8 * i);
      for (int j = 0; j < 8; j++) {
        eights[e + 4 * j + i] |= ((q >>> j) & ONES) << place;
      }
    }
  }

  private static void sixes(byte[] b, int at, long[] eights, int e) {
    for (int i = 0; i < 8; i++) {
      int lows = at + 64 * (i >> 2) + 8 * (i & 3);
      long even = i64(b, lows);
      long odd = i64(b, lows + 32);
      long high = i64(b, at + 128 + 8 * i);
      int to = e + 16 * (i >> 2) + (i & 3);
      eights[to] = (even & NIBBLES) | (high & CRUMBS) << 4;
      eights[to + 4] = (odd & NIBBLES) | (high >>> 2 & CRUMBS) << 4;
      eights[to + 8] = (even >>> 4 & NIBBLES) | (high >>> 4 & CRUMBS) << 4;
      eights[to + 12] = (odd >>> 4 & NIBBLES) | (high >>> 6 & CRUMBS) << 4;
    }
  }

  /**
   * Reads the scales of a row, or of rows that follow each other.
   *
   * @param type a supported type
   * @param row starts with the row's blocks
   * @param columns whole blocks
   * @param scales receives a scale per {@link #group} of columns
   * @param mins receives a min per group where the type has them
   */
  public static void scales(GgmlType type, byte[] row, int columns, float[] scales, float[] mins) {
    switch (type) {
      case Q4_0, Q5_0, Q8_0, IQ4_NL -> halfs(row, 0, type.blockBytes(), columns, scales);
      case Q4_1, Q5_1 -> {
        halfs(row, 0, type.blockBytes(), columns, scales);
        halfs(row, 2, type.blockBytes(), columns, mins);
      }
      default -> {
        int elements = type.blockElements();
        for (int block = 0; block < columns / elements; block++) {
          int at = block * type.blockBytes();
          superScales(type, row, at, scales, mins, block * elements / group(type));
        }
      }
    }
  }

  private static void halfs(byte[] b, int from, int stride, int columns, float[] values) {
    int at = from;
    for (int g = 0; g < columns / GROUP; g++) {
      values[g] = f16(b, at);
      at += stride;
    }
  }

  private static void superScales(
      GgmlType type, byte[] b, int at, float[] scales, float[] mins, int g) {
    float d = SCALE_AT.containsKey(type) ? f16(b, at + SCALE_AT.get(type)) : 1;
    for (int j = 0; j < type.blockElements() / group(type); j++) {
      switch (type) {
        case MXFP4 -> scales[g] = Levels.halfE8m0(u8(b, at));
        case NVFP4 -> scales[g + j] = Levels.halfUe4m3(u8(b, at + j));
        case Q2_K -> {
          scales[g + j] = d * (b[at + j] & 15);
          mins[g + j] = -f16(b, at + 82) * (u8(b, at + j) >> 4);
        }
        case Q3_K -> scales[g + j] = d * KQuantDecoders.q3Scale(b, at + 96, j);
        case Q4_K, Q5_K -> {
          scales[g + j] = d * KQuantDecoders.q4Scale(b, at + 4, j);
          mins[g + j] = -f16(b, at + 2) * KQuantDecoders.q4Min(b, at + 4, j);
        }
        case Q6_K -> scales[g + j] = d * b[at + 192 + j];
        case IQ4_XS -> {
          int low = b[at + 4 + (j >> 1)] >> (4 * (j & 1)) & 15;
          int high = u16(b, at + 2) >> (2 * j) & 3;
          scales[g + j] = d * ((low | high << 4) - 32);
        }
        default -> throw new IllegalArgumentException(type + " has no such scales");
      }
    }
  }
}
