package dev.nibble.core.rounding;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import java.util.Arrays;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** Sheet 12a, acceptance 1 to 3, over random and adversarial groups. */
class AffineGridProperties {

  /** Groups of 1 to 40 values: mixed, one-sided, constant, with one huge element, any magnitude. */
  @Provide
  Arbitrary<float[]> groups() {
    Arbitrary<float[]> plain =
        Arbitraries.floats().between(-1f, 1f).array(float[].class).ofMinSize(1).ofMaxSize(40);
    Arbitrary<Integer> kind = Arbitraries.integers().between(0, 4);
    Arbitrary<Integer> magnitude = Arbitraries.integers().between(-8, 8);
    return Combinators.combine(plain, kind, magnitude).as(AffineGridProperties::shaped);
  }

  private static float[] shaped(float[] w, int kind, int magnitude) {
    float unit = Math.scalb(1f, magnitude);
    float first = w[0];
    for (int i = 0; i < w.length; i++) {
      w[i] =
          unit
              * switch (kind) {
                case 1 -> 1f + Math.abs(w[i]);
                case 2 -> -1f - Math.abs(w[i]);
                case 3 -> first;
                case 4 -> i == 0 ? 200f : w[i];
                default -> w[i];
              };
    }
    return w;
  }

  private static AffineGrid fit(float[] w, int bits, GridFlavour flavour, ScaleFormat format) {
    return GroupGrid.fit(w, 0, w.length, bits, flavour, format, RoundingOptions.DEFAULT);
  }

  @Property(tries = 2000)
  void errorIsAtMostHalfAStep(
      @ForAll("groups") float[] w,
      @ForAll @IntRange(min = 1, max = 8) int bits,
      @ForAll ScaleFormat format) {
    Assume.that(format != ScaleFormat.E4M3); // no integer spec has it; its range is small
    AffineGrid grid = fit(w, bits, GridFlavour.GPTQ, format);
    int top = (1 << bits) - 1;
    // how far below the ideal scale the stored one may lie, which clips the ends
    double shortfall =
        switch (format) {
          case FP32 -> 0x1p-22;
          case FP16 -> 0x1p-11;
          case BF16 -> 0x1p-8;
          case E8M0, E4M3 -> 0;
        };
    double bound = grid.scale() * (0.5 * (1 + 1e-5) + top * shortfall);
    for (float x : w) {
      double error = Math.abs((double) grid.value(grid.code(x)) - x);
      assertThat(error).isLessThanOrEqualTo(bound);
    }
  }

  @Property(tries = 1000)
  void codesOfTheGridAreFixedPoints(
      @ForAll("groups") float[] w,
      @ForAll @IntRange(min = 2, max = 8) int bits,
      @ForAll GridFlavour flavour,
      @ForAll ScaleFormat format) {
    AffineGrid grid = fit(w, bits, flavour, format);
    assertThat(grid.scale()).isPositive().isFinite();
    assertThat(grid.zero()).isBetween(0, (1 << bits) - 1);
    if (flavour.symmetric()) {
      assertThat(grid.zero()).isEqualTo(1 << (bits - 1));
    }
    for (int code = grid.lowCode(); code <= grid.highCode(); code++) {
      assertThat(grid.code(grid.value(code))).isEqualTo(code);
    }
    assertThat(grid.value(grid.zero())).isZero();
    assertThat(format.round(grid.scale())).isEqualTo(grid.scale());
  }

  @Property(tries = 300)
  void aRepeatedValueIsExact(
      @ForAll @IntRange(min = 1, max = 8) int bits,
      @ForAll @IntRange(min = -1000, max = 1000) int value) {
    float[] w = new float[9];
    Arrays.fill(w, value / 7f);
    AffineGrid grid = fit(w, bits, GridFlavour.GPTQ, ScaleFormat.FP32);
    assertThat(Math.abs(grid.value(grid.code(w[0])) - w[0]))
        .isLessThanOrEqualTo(grid.scale() * 1e-3f);
  }

  /**
   * Skips groups whose rounded extremes miss the ends of the grid: near-ties, and scales that were
   * rounded up below fp16's normal range.
   */
  @Property(tries = 1000)
  void quantizingAgainChangesNothing(
      @ForAll("groups") float[] w,
      @ForAll @IntRange(min = 2, max = 8) int bits,
      @ForAll boolean symmetric) {
    QuantSpec spec = QuantSpec.parse("int" + bits + ":channel:" + (symmetric ? "sym" : "asym"));
    RoundingOptions options =
        symmetric
            ? new RoundingOptions(GridFlavour.SYM_NARROW, Clip.NONE, 2.4)
            : RoundingOptions.DEFAULT;
    long[] shape = {1, w.length};
    AffineTensor once = (AffineTensor) RoundToNearest.quantize(w, shape, spec, options);
    if (!spansGrid(once)) {
      return;
    }
    float[] values = once.toFloats();
    AffineTensor twice = (AffineTensor) RoundToNearest.quantize(values, shape, spec, options);
    assertThat(twice.toFloats()).isEqualTo(values);
    assertThat(twice.codes().mismatch(once.codes())).isEqualTo(-1);
  }

  private static boolean spansGrid(AffineTensor t) {
    int low = t.zero(0, 0);
    int high = low;
    for (int c = 0; c < t.columns(); c++) {
      low = Math.min(low, t.code(0, c));
      high = Math.max(high, t.code(0, c));
    }
    int top = (1 << t.bits()) - 1;
    return t.symmetric() ? low == 1 || high == top : low == 0 && high == top;
  }

  @Property(tries = 200)
  void clippingNeverRaisesItsOwnError(
      @ForAll("groups") float[] w,
      @ForAll @IntRange(min = 2, max = 4) int bits,
      @ForAll GridFlavour flavour) {
    RoundingOptions search = new RoundingOptions(flavour, Clip.MSE, 2.4);
    AffineGrid plain = fit(w, bits, flavour, ScaleFormat.FP16);
    AffineGrid clipped = GroupGrid.fit(w, 0, w.length, bits, flavour, ScaleFormat.FP16, search);
    assertThat(error(w, clipped)).isLessThanOrEqualTo(error(w, plain) * (1 + 1e-9));
  }

  private static double error(float[] w, AffineGrid grid) {
    double sum = 0;
    for (float x : w) {
      sum += Math.pow(Math.abs((double) grid.value(grid.code(x)) - x), 2.4);
    }
    return sum;
  }
}
