package dev.nibble.core.ggml;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Checksums of the blocks made from a pseudo-random row. The expected values were computed once
 * with the reference implementation of the formats.
 */
class GgmlEncodeGoldenTest {

  @Test
  void theInputIsTheAgreedOne() {
    ByteBuffer bytes = ByteBuffer.allocate(2048).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(input());
    assertThat(crc(bytes.array())).isEqualTo("f28662c7");
  }

  @ParameterizedTest
  @CsvSource({
    "Q4_0,42f18bbb,efdb626c", "Q4_1,3eaef065,78eba432", "Q5_0,182fb77b,4daa1a9a",
    "Q5_1,b455b06a,6786c009", "Q8_0,6ba020f9,6ba020f9", "Q2_K,80719f34,4513c361",
    "Q3_K,92bbc40f,f156d4f2", "Q4_K,955cdf5c,9c22fbbb", "Q5_K,a61f0f52,d51dfbc4",
    "Q6_K,542f6ac5,d34ad8a6", "IQ4_NL,659f77d2,becb57cd", "IQ4_XS,ec6fd592,f7195680",
    "TQ1_0,8581b3c6,8581b3c6", "TQ2_0,e80a5f25,e80a5f25", "MXFP4,89b9dd46,89b9dd46",
    "NVFP4,5cb3f647,5cb3f647"
  })
  void encodesLikeTheReference(GgmlType type, String plain, String weighted) {
    float[] importance = new float[512];
    for (int i = 0; i < 512; i++) {
      importance[i] = 1 + i % 7;
    }
    assertThat(crc(GgmlEncoder.encode(type, input(), 0, 1, 512, null, "t"))).isEqualTo(plain);
    assertThat(crc(GgmlEncoder.encode(type, input(), 0, 1, 512, importance, "t")))
        .isEqualTo(weighted);
  }

  @ParameterizedTest
  @CsvSource({"Q4_0,eaabec1f172c7adf", "Q4_K,4f14e81ffdfcfdfc", "Q6_K,e00b9b5208ffd3f9"})
  void firstBytes(GgmlType type, String hex) {
    byte[] out = GgmlEncoder.encode(type, input(), 0, 1, 512, null, "t");
    assertThat(HexFormat.of().formatHex(out, 0, 8)).isEqualTo(hex);
  }

  static float[] input() {
    float[] x = new float[512];
    int s = 42;
    for (int i = 0; i < x.length; i++) {
      s = s * 1664525 + 1013904223;
      x[i] = (s >>> 8) / 16777216f - 0.5f;
    }
    return x;
  }

  private static String crc(byte[] bytes) {
    CRC32 sum = new CRC32();
    sum.update(bytes);
    return "%08x".formatted(sum.getValue());
  }
}
