package dev.nibble.core.ggml;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GgmlCodesTest {
  private static final int COLUMNS = 512;

  static Stream<GgmlType> supported() {
    return Arrays.stream(GgmlType.values()).filter(GgmlCodes::supports);
  }

  /** Codes, scales and mins give the values that the block's decoder gives. */
  @ParameterizedTest
  @MethodSource("supported")
  void integersStandForTheDecodedValues(GgmlType type) {
    SplittableRandom random = new SplittableRandom(type.id());
    byte[] row = new byte[Math.toIntExact(type.rowBytes(COLUMNS))];
    for (int i = 0; i < row.length; i++) {
      row[i] = (byte) (random.nextInt(256) & 0xBF);
    }
    float[] decoded = new float[COLUMNS];
    type.dequantize(MemorySegment.ofArray(row), 0, decoded, 0, COLUMNS);
    long[] eights = new long[COLUMNS / 8];
    float[] scales = new float[COLUMNS];
    float[] mins = new float[COLUMNS];
    GgmlCodes.codes(type, row, COLUMNS, eights);
    GgmlCodes.scales(type, row, COLUMNS, scales, mins);
    float[] levels = GgmlCodes.levels(type).orElse(null);
    int offset = GgmlCodes.mins(type) ? 0 : 1 << (GgmlCodes.bits(type) - 1);
    for (int c = 0; c < COLUMNS; c++) {
      int g = c / GgmlCodes.group(type);
      int code = (int) (eights[c / 8] >>> (8 * (c % 8))) & 0xff;
      float value =
          levels == null ? scales[g] * (code - offset) + mins[g] : scales[g] * levels[code];
      if (Float.isFinite(decoded[c])) {
        assertThat(value).as(type + " column " + c).isEqualTo(decoded[c] + 0f);
      }
    }
  }
}
