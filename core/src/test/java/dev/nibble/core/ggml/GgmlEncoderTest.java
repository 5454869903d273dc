package dev.nibble.core.ggml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Percentage.withPercentage;

import dev.nibble.core.NibbleException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class GgmlEncoderTest {
  private static final int COLUMNS = 256;

  static List<GgmlType> types() {
    return GgmlEncoder.types().stream().sorted().toList();
  }

  /**
   * Root mean square error allowed, relative to the largest magnitude of a Gaussian row: a step of
   * 2 / 2^bits gives 0.58 / 2^bits.
   */
  private static double tolerance(GgmlType type) {
    return switch (type) {
      case F32 -> 0;
      case F16, BF16 -> 0.002;
      case TQ1_0, TQ2_0 -> 0.5;
      case MXFP4, NVFP4 -> 0.05;
      default -> 0.6 / (1 << (int) (type.bitsPerElement() - 0.25));
    };
  }

  /**
   * The bound is that of a typical row, which single rows may miss; so the rows are always the
   * same.
   */
  @Property(tries = 400, seed = "42")
  void errorIsBoundedByTheBits(
      @ForAll("encodable") GgmlType type, @ForAll long seed, @ForAll boolean weighted) {
    float[] x = gaussian(seed, 2 * COLUMNS);
    float[] importance = weighted ? positive(seed, COLUMNS) : null;
    float[] back = roundTrip(type, x, 2, importance);
    // Unequal weights trade the plain error for the weighted one.
    double allowed = tolerance(type) * (weighted ? 3 : 1);
    for (int row = 0; row < 2; row++) {
      float[] part = Arrays.copyOfRange(x, row * COLUMNS, (row + 1) * COLUMNS);
      float[] decoded = Arrays.copyOfRange(back, row * COLUMNS, (row + 1) * COLUMNS);
      assertThat(rms(part, decoded) / largest(part)).as(type.name()).isLessThanOrEqualTo(allowed);
    }
  }

  @Property(tries = 60)
  void rowsAreIndependent(@ForAll("encodable") GgmlType type, @ForAll long seed) {
    float[] x = gaussian(seed, 3 * COLUMNS);
    byte[] all = GgmlEncoder.encode(type, x, 0, 3, COLUMNS, null, "t");
    byte[] last = GgmlEncoder.encode(type, x, 2 * COLUMNS, 1, COLUMNS, null, "t");
    int rowBytes = (int) type.rowBytes(COLUMNS);
    assertThat(Arrays.copyOfRange(all, 2 * rowBytes, 3 * rowBytes)).isEqualTo(last);
  }

  @Provide
  Arbitrary<GgmlType> encodable() {
    return Arbitraries.of(types());
  }

  @ParameterizedTest
  @MethodSource("types")
  void zerosAndTinyNumbersStayFinite(GgmlType type) {
    assertThat(roundTrip(type, new float[COLUMNS], 1, null)).containsOnly(0f);
    float[] importance = new float[COLUMNS];
    assertThat(roundTrip(type, new float[COLUMNS], 1, importance)).containsOnly(0f);
    float[] tiny = new float[COLUMNS];
    Arrays.fill(tiny, 1e-8f);
    tiny[7] = -3e-38f;
    float[] back = roundTrip(type, tiny, 1, null);
    for (float v : back) {
      assertThat(Math.abs(v)).isLessThan(1e-6f);
    }
  }

  @ParameterizedTest
  @MethodSource("types")
  void constantsAreKept(GgmlType type) {
    for (float value : new float[] {1f, -2f, 3f}) {
      float[] x = new float[COLUMNS];
      Arrays.fill(x, value);
      for (float v : roundTrip(type, x, 1, null)) {
        assertThat(v).isCloseTo(value, withPercentage(5));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("types")
  void oneHugeOutlierIsKept(GgmlType type) {
    float[] x = gaussian(3, COLUMNS);
    x[100] = 2000;
    float[] back = roundTrip(type, x, 1, null);
    // A power-of-two scale may leave the largest value up to a quarter outside.
    assertThat(back[100]).isBetween(type == GgmlType.MXFP4 ? 1500f : 1900f, 2100f);
    for (float v : back) {
      assertThat(v).isFinite();
    }
  }

  @ParameterizedTest
  @MethodSource("types")
  void whatCannotBeStoredIsRefusedWithItsPlace(GgmlType type) {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
      float[] x = new float[2 * COLUMNS];
      x[COLUMNS + 9] = bad;
      assertThatThrownBy(() -> GgmlEncoder.encode(type, x, 0, 2, COLUMNS, null, "blk.0.ffn"))
          .isInstanceOf(NibbleException.class)
          .hasMessageContaining("blk.0.ffn")
          .hasMessageContaining("[1, 9]");
    }
  }

  @Test
  void valuesBeyondHalfPrecisionAreRefused() {
    float[] x = new float[COLUMNS];
    x[0] = 70000;
    assertThatThrownBy(() -> GgmlEncoder.encode(GgmlType.Q8_0, x, 0, 1, COLUMNS, null, "t"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("70000");
    assertThat(roundTrip(GgmlType.BF16, x, 1, null)[0]).isBetween(69000f, 71000f);
    assertThat(roundTrip(GgmlType.MXFP4, x, 1, null)[0]).isBetween(60000f, 80000f);
  }

  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"IQ1_S", "IQ2_XXS", "IQ3_S", "Q1_0"})
  void typesWithoutAnEncoderSaySo(GgmlType type) {
    assertThat(GgmlEncoder.supports(type)).isFalse();
    assertThatThrownBy(() -> GgmlEncoder.encode(type, new float[COLUMNS], 0, 1, COLUMNS, null, "t"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void importanceMustFit() {
    float[] x = new float[COLUMNS];
    assertThatThrownBy(() -> GgmlEncoder.encode(GgmlType.Q4_K, x, 0, 1, COLUMNS, new float[5], "t"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("5 columns");
    float[] bad = new float[COLUMNS];
    bad[3] = Float.NaN;
    assertThatThrownBy(() -> GgmlEncoder.encode(GgmlType.Q4_K, x, 0, 1, COLUMNS, bad, "t"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("column 3");
  }

  @Test
  void moreBitsMeanLessError() {
    float[] x = gaussian(5, 16 * COLUMNS);
    double last = Double.MAX_VALUE;
    for (GgmlType type :
        List.of(
            GgmlType.TQ2_0,
            GgmlType.Q2_K,
            GgmlType.Q3_K,
            GgmlType.Q4_0,
            GgmlType.Q4_K,
            GgmlType.Q5_K,
            GgmlType.Q6_K,
            GgmlType.Q8_0)) {
      double error = rms(x, roundTrip(type, x, 16, null));
      assertThat(error).as(type.name()).isLessThan(last);
      last = error;
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"Q4_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS"})
  void importanceLowersTheWeightedError(GgmlType type) {
    float[] x = gaussian(8, 16 * COLUMNS);
    float[] importance = positive(8, COLUMNS);
    float[] plain = roundTrip(type, x, 16, null);
    float[] weighted = roundTrip(type, x, 16, importance);
    double before = 0;
    double after = 0;
    for (int i = 0; i < x.length; i++) {
      double w = importance[i % COLUMNS];
      before += w * (x[i] - plain[i]) * (x[i] - plain[i]);
      after += w * (x[i] - weighted[i]) * (x[i] - weighted[i]);
    }
    assertThat(after).isLessThan(before);
  }

  private static float[] roundTrip(GgmlType type, float[] x, int rows, float[] importance) {
    byte[] bytes = GgmlEncoder.encode(type, x, 0, rows, x.length / rows, importance, "t");
    float[] out = new float[x.length];
    type.dequantize(MemorySegment.ofArray(bytes), 0, out, 0, x.length);
    for (int i = 0; i < out.length; i++) {
      out[i] += 0f; // -0 becomes +0
    }
    return out;
  }

  private static float[] gaussian(long seed, int n) {
    Random random = new Random(seed);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  /** Importances over three decades, as activations have them. */
  private static float[] positive(long seed, int n) {
    Random random = new Random(~seed);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) Math.exp(2 * random.nextGaussian());
    }
    return x;
  }

  private static float largest(float[] x) {
    float largest = 0;
    for (float v : x) {
      largest = Math.max(largest, Math.abs(v));
    }
    return largest;
  }

  private static double rms(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) (a[i] - b[i]) * (a[i] - b[i]);
    }
    return Math.sqrt(sum / a.length);
  }
}
