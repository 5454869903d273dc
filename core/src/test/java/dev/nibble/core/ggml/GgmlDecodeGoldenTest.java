package dev.nibble.core.ggml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Checksums of decoded pseudo-random blocks. The expected values were computed once with the
 * reference implementation of the formats.
 */
class GgmlDecodeGoldenTest {

  @ParameterizedTest
  @CsvSource({
    "Q4_0,18e7d218", "Q4_1,0d724496", "Q5_0,81267aae", "Q5_1,c05dfded", "Q8_0,123a8b49",
    "Q2_K,3f2bcae1", "Q3_K,0cb6c4ce", "Q4_K,287e12c3", "Q5_K,3253f631", "Q6_K,1125bfa6",
    "IQ4_NL,21196495", "IQ4_XS,22cd0cc3", "TQ1_0,cb64eff9", "TQ2_0,014bb773", "MXFP4,3d8c21f8",
    "NVFP4,e74f960b", "IQ2_XXS,5b3d66fb", "IQ2_XS,7876f3fb", "IQ2_S,dd0e17cc", "IQ3_XXS,46d314a5",
    "IQ3_S,74584cf6", "IQ1_S,d8cad9c3", "IQ1_M,ab399a59", "Q1_0,45317a83", "Q2_0,15f4c458"
  })
  void decodesLikeTheReference(GgmlType type, String crc) {
    float[] out = new float[512];
    type.dequantize(MemorySegment.ofArray(blocks(type)), 0, out, 0, 512);
    assertThat(crc(out)).isEqualTo(crc);
  }

  @ParameterizedTest
  @CsvSource({
    "iq2xxs,6f72024c", "iq2xs,893a426d", "iq2s,24b40b89",
    "iq1s,6e958477", "iq3xxs,456f8c3a", "iq3s,1e85b71d"
  })
  void gridBitmapsAreIntact(String name, String crc) {
    CRC32 sum = new CRC32();
    sum.update(Grids.bitmap(name));
    assertThat("%08x".formatted(sum.getValue())).isEqualTo(crc);
  }

  @Test
  void longRunsEqualSingleBlocks() {
    byte[] two = blocks(GgmlType.Q4_K);
    byte[] many = new byte[two.length * 200];
    for (int i = 0; i < 200; i++) {
      System.arraycopy(two, 0, many, i * two.length, two.length);
    }
    float[] one = new float[512];
    float[] all = new float[512 * 200];
    GgmlType.Q4_K.dequantize(MemorySegment.ofArray(two), 0, one, 0, 512);
    GgmlType.Q4_K.dequantize(MemorySegment.ofArray(many), 0, all, 0, all.length);
    for (int i = 0; i < all.length; i++) {
      assertThat(all[i]).isEqualTo(one[i % 512]);
    }
  }

  @Test
  void partialBlocksAndShortDataAreRefused() {
    MemorySegment data = MemorySegment.ofArray(new byte[18]);
    float[] out = new float[64];
    assertThatThrownBy(() -> GgmlType.Q4_0.dequantize(data, 0, out, 0, 31))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> GgmlType.Q4_0.dequantize(data, 0, out, 0, 64))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> GgmlType.Q4_0.dequantize(data, 0, out, 33, 32))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void idsAreUnique() {
    for (GgmlType type : GgmlType.values()) {
      assertThat(GgmlType.ofId(type.id())).contains(type);
    }
    assertThat(GgmlType.ofId(4)).isEmpty();
    assertThat(GgmlType.ofId(-1)).isEmpty();
  }

  private static byte[] blocks(GgmlType type) {
    byte[] b = new byte[(int) type.rowBytes(512)];
    int s = 7;
    for (int i = 0; i < b.length; i++) {
      s = s * 1664525 + 1013904223;
      b[i] = (byte) (s >>> 24);
    }
    for (int at = 0; at < b.length; at += type.blockBytes()) {
      switch (type) {
        case MXFP4 -> b[at] = 127;
        case NVFP4 -> {
          for (int i = 0; i < 4; i++) {
            b[at + i] &= 0x3f;
          }
        }
        case IQ1_M -> {
          int[] top = {0, 0, 12, 3};
          for (int z = 0; z < 4; z++) {
            int i = at + 48 + 2 * z + 1;
            b[i] = (byte) ((b[i] & 15) | top[z] << 4);
          }
        }
        default -> {
          putHalf(b, at + scaleOffset(type), 0x3c00);
          int second = minOffset(type);
          if (second >= 0) {
            putHalf(b, at + second, 0x3800);
          }
        }
      }
    }
    return b;
  }

  private static int scaleOffset(GgmlType type) {
    return switch (type) {
      case Q2_K -> 80;
      case Q3_K -> 108;
      case Q6_K -> 208;
      case TQ1_0 -> 52;
      case TQ2_0 -> 64;
      default -> 0;
    };
  }

  private static int minOffset(GgmlType type) {
    return switch (type) {
      case Q4_1, Q5_1, Q4_K, Q5_K -> 2;
      case Q2_K -> 82;
      default -> -1;
    };
  }

  private static void putHalf(byte[] b, int at, int bits) {
    b[at] = (byte) bits;
    b[at + 1] = (byte) (bits >> 8);
  }

  private static String crc(float[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (float v : values) {
      bytes.putFloat(v + 0f); // -0 becomes +0
    }
    CRC32 sum = new CRC32();
    sum.update(bytes.array());
    return "%08x".formatted(sum.getValue());
  }
}
