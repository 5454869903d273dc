package dev.nibble.core.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;

class ScaleFormatProperties {

  @Property(tries = 2000)
  void everyRoundedScaleCanBeStored(
      @ForAll ScaleFormat format,
      @ForAll @DoubleRange(min = 1, max = 2) double fraction,
      @ForAll @IntRange(min = -200, max = 200) int exponent) {
    float scale = format.round(Math.scalb(fraction, exponent));
    assertThat(scale).isPositive().isFinite();
    assertThat(format.round(scale)).isEqualTo(scale);
    MemorySegment data = MemorySegment.ofArray(new byte[3 * format.bytes()]);
    format.set(data, 1, scale);
    assertThat(format.get(data, 1)).isEqualTo(scale);
  }

  /** Relative error in the range of normal numbers, and never below the ideal beneath it. */
  @Property(tries = 2000)
  void roundingIsClose(
      @ForAll @DoubleRange(min = 1, max = 2) double fraction,
      @ForAll @IntRange(min = -24, max = 7) int exponent) {
    double ideal = Math.scalb(fraction, exponent);
    requireClose(ScaleFormat.FP32.round(ideal), ideal, 0x1p-24);
    requireClose(ScaleFormat.BF16.round(ideal), ideal, 0x1p-8);
    if (exponent >= -14) {
      requireClose(ScaleFormat.FP16.round(ideal), ideal, 0x1p-11);
    } else {
      assertThat((double) ScaleFormat.FP16.round(ideal)).isBetween(ideal, ideal + 0x1p-24);
    }
    if (exponent >= -6) {
      requireClose(ScaleFormat.E4M3.round(ideal), ideal, 0x1p-4);
    } else {
      assertThat((double) ScaleFormat.E4M3.round(ideal)).isBetween(ideal, ideal + 0x1p-9);
    }
    assertThat((double) ScaleFormat.E8M0.round(ideal)).isBetween(ideal, 2 * ideal);
  }

  private static void requireClose(float found, double ideal, double relative) {
    assertThat(Math.abs(found - ideal)).isLessThanOrEqualTo((relative + 0x1p-24) * ideal);
  }

  @Example
  void extremes() {
    assertThat(ScaleFormat.FP16.round(1e9)).isEqualTo(65504f);
    assertThat(ScaleFormat.FP16.round(1e-30)).isEqualTo(0x1p-24f);
    assertThat(ScaleFormat.E4M3.round(1e9)).isEqualTo(448f);
    assertThat(ScaleFormat.E8M0.round(1e-300)).isEqualTo(0x1p-127f);
    assertThat(ScaleFormat.E8M0.round(1e300)).isEqualTo(0x1p127f);
    assertThat(ScaleFormat.BF16.round(3.4e38)).isFinite();
  }

  @Example
  void scalesThatWereNotRoundedAreRefused() {
    MemorySegment data = MemorySegment.ofArray(new byte[4]);
    assertThatThrownBy(() -> ScaleFormat.FP16.set(data, 0, 0.1f))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("round it before computing codes");
    for (double bad : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> ScaleFormat.FP32.round(bad))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
