package dev.nibble.core.ggml;

import static dev.nibble.core.ggml.LittleEndian.f16;
import static dev.nibble.core.ggml.LittleEndian.i32;
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
   * Reads a row.
   *
   * @param type a supported type
   * @param row the row's blocks
   * @param columns whole blocks
   * @param codes receives a code per column
   * @param scales receives a scale per {@link #group} of columns
   * @param mins receives a min per group where the type has them
   */
  public static void read(
      GgmlType type, byte[] row, int columns, byte[] codes, float[] scales, float[] mins) {
    int elements = type.blockElements();
    for (int block = 0; block < columns / elements; block++) {
      int at = block * type.blockBytes();
      int o = block * elements;
      int group = o / group(type);
      switch (type) {
        case Q4_0, Q4_1, Q5_0, Q5_1 -> nibbles(type, row, at, codes, o, scales, mins, group);
        case Q8_0 -> {
          scales[group] = f16(row, at);
          for (int i = 0; i < GROUP; i++) {
            codes[o + i] = (byte) (row[at + 2 + i] ^ 0x80);
          }
        }
        case Q4_K, Q5_K -> superBlock(type, row, at, codes, o, scales, mins, group);
        case Q2_K -> q2(row, at, codes, o, scales, mins, group);
        case Q3_K -> q3(row, at, codes, o, scales, group);
        case Q6_K -> q6(row, at, codes, o, scales, group);
        case IQ4_NL -> {
          scales[group] = f16(row, at);
          halves(row, at + 2, 16, codes, o);
        }
        case MXFP4 -> {
          scales[group] = Levels.halfE8m0(u8(row, at));
          halves(row, at + 1, 16, codes, o);
        }
        case IQ4_XS -> iq4Xs(row, at, codes, o, scales, group);
        case NVFP4 -> {
          for (int j = 0; j < 4; j++) {
            scales[group + j] = Levels.halfUe4m3(u8(row, at + j));
            halves(row, at + 4 + 8 * j, 8, codes, o + SMALL * j);
          }
        }
        default -> throw new IllegalArgumentException(type + " has no such codes");
      }
    }
  }

  private static void nibbles(
      GgmlType type, byte[] b, int at, byte[] codes, int o, float[] scales, float[] mins, int g) {
    boolean fifth = bits(type) == 5;
    int p = at + 2;
    scales[g] = f16(b, at);
    if (mins(type)) {
      mins[g] = f16(b, p);
      p += 2;
    }
    int high = 0;
    if (fifth) {
      high = i32(b, p);
      p += 4;
    }
    for (int i = 0; i < 16; i++) {
      int q = b[p + i];
      codes[o + i] = (byte) ((q & 15) | (high >>> i & 1) << 4);
      codes[o + 16 + i] = (byte) ((q >> 4 & 15) | (high >>> (16 + i) & 1) << 4);
    }
  }

  private static void superBlock(
      GgmlType type, byte[] b, int at, byte[] codes, int o, float[] scales, float[] mins, int g) {
    boolean fifth = type == GgmlType.Q5_K;
    float d = f16(b, at);
    float dmin = f16(b, at + 2);
    int nibbles = at + (fifth ? 48 : 16);
    for (int j = 0; j < 8; j++) {
      scales[g + j] = d * KQuantDecoders.q4Scale(b, at + 4, j);
      mins[g + j] = -dmin * KQuantDecoders.q4Min(b, at + 4, j);
      int shift = 4 * (j & 1);
      int from = nibbles + 32 * (j >> 1);
      for (int i = 0; i < 32; i++) {
        int high = fifth ? (u8(b, at + 16 + i) >> j & 1) << 4 : 0;
        codes[o + 32 * j + i] = (byte) ((b[from + i] >> shift & 15) | high);
      }
    }
  }

  private static void q2(
      byte[] b, int at, byte[] codes, int o, float[] scales, float[] mins, int g) {
    float d = f16(b, at + 80);
    float dmin = f16(b, at + 82);
    for (int j = 0; j < 16; j++) {
      int scale = u8(b, at + j);
      scales[g + j] = d * (scale & 15);
      mins[g + j] = -dmin * (scale >> 4);
      int shift = 2 * (j >> 1 & 3);
      int from = at + 16 + 32 * (j >> 3) + SMALL * (j & 1);
      for (int i = 0; i < SMALL; i++) {
        codes[o + SMALL * j + i] = (byte) (b[from + i] >> shift & 3);
      }
    }
  }

  private static void q3(byte[] b, int at, byte[] codes, int o, float[] scales, int g) {
    float d = f16(b, at + 108);
    for (int j = 0; j < 16; j++) {
      scales[g + j] = d * KQuantDecoders.q3Scale(b, at + 96, j);
      int shift = 2 * (j >> 1 & 3);
      int from = at + 32 + 32 * (j >> 3) + SMALL * (j & 1);
      int highs = at + SMALL * (j & 1);
      for (int i = 0; i < SMALL; i++) {
        int high = (b[highs + i] >> (j >> 1) & 1) << 2;
        codes[o + SMALL * j + i] = (byte) ((b[from + i] >> shift & 3) | high);
      }
    }
  }

  private static void q6(byte[] b, int at, byte[] codes, int o, float[] scales, int g) {
    float d = f16(b, at + 208);
    for (int j = 0; j < 16; j++) {
      scales[g + j] = d * b[at + 192 + j];
      int k = j >> 1 & 3;
      int l = SMALL * (j & 1);
      int lows = at + 64 * (j >> 3) + 32 * (k & 1) + l;
      int highs = at + 128 + 32 * (j >> 3) + l;
      for (int i = 0; i < SMALL; i++) {
        int high = (b[highs + i] >> (2 * k) & 3) << 4;
        codes[o + SMALL * j + i] = (byte) ((b[lows + i] >> (4 * (k >> 1)) & 15) | high);
      }
    }
  }

  /** {@code count} low nibbles, then as many high ones. */
  private static void halves(byte[] b, int at, int count, byte[] codes, int o) {
    for (int i = 0; i < count; i++) {
      codes[o + i] = (byte) (b[at + i] & 15);
      codes[o + count + i] = (byte) (b[at + i] >> 4 & 15);
    }
  }

  private static void iq4Xs(byte[] b, int at, byte[] codes, int o, float[] scales, int g) {
    float d = f16(b, at);
    int highs = u16(b, at + 2);
    for (int j = 0; j < 8; j++) {
      int low = b[at + 4 + (j >> 1)] >> (4 * (j & 1)) & 15;
      scales[g + j] = d * ((low | (highs >> (2 * j) & 3) << 4) - 32);
      halves(b, at + 8 + 16 * j, 16, codes, o + GROUP * j);
    }
  }
}
