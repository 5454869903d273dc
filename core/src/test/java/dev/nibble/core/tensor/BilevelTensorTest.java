package dev.nibble.core.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.rounding.BilevelBuilder;
import dev.nibble.core.rounding.BilevelGroup;
import dev.nibble.core.rounding.SecondLevel;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.BilevelLayout.Zeros;
import dev.nibble.core.testing.PackedTensorContract;
import dev.nibble.core.work.Workers;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class BilevelTensorTest extends PackedTensorContract {
  private static final BilevelLayout DEFAULT =
      new BilevelLayout(3, 16, 16, 3, Zeros.BILEVEL, 3, ScaleFormat.FP16);

  private static BilevelTensor round(float[] values, long[] shape, BilevelLayout layout) {
    try (Workers workers = new Workers(2)) {
      return BilevelBuilder.round(values, shape, layout, workers);
    }
  }

  @Override
  protected PackedTensor pack(float[] values, long[] shape) {
    return round(values, shape, DEFAULT);
  }

  @Override
  protected long expectedBytes(long rows, int columns) {
    long groups = Math.ceilDiv(columns, 16);
    long blocks = Math.ceilDiv(rows, 16);
    return rows * (Math.ceilDiv(3L * columns, 32) * 4 + 2 * Math.ceilDiv(3 * groups, 8))
        + 8 * blocks * groups;
  }

  @Override
  protected String expectedTypeName() {
    return "int3:g16:asym:bilevel";
  }

  /** Codes of 5 bits with fixed zero-points, scales of 4 bits over 3 rows. */
  @Nested
  class Symmetric extends PackedTensorContract {
    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      return round(values, shape, new BilevelLayout(5, 10, 3, 4, Zeros.NONE, 0, ScaleFormat.FP32));
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      long groups = Math.ceilDiv(columns, 10);
      return rows * (Math.ceilDiv(5L * columns, 32) * 4 + Math.ceilDiv(4 * groups, 8))
          + 8 * Math.ceilDiv(rows, 3) * groups;
    }

    @Override
    protected String expectedTypeName() {
      return "int5:g10:sym:bilevel";
    }
  }

  /** Zero-points that are codes. */
  @Nested
  class IntegerZeros extends PackedTensorContract {
    @Override
    protected PackedTensor pack(float[] values, long[] shape) {
      return round(
          values, shape, new BilevelLayout(4, 320, 16, 6, Zeros.INTEGER, 0, ScaleFormat.BF16));
    }

    @Override
    protected long expectedBytes(long rows, int columns) {
      return rows * (Math.ceilDiv(4L * columns, 32) * 4 + 2) + 4 * Math.ceilDiv(rows, 16);
    }

    @Override
    protected String expectedTypeName() {
      return "int4:channel:asym:bilevel";
    }
  }

  @Test
  void bitsAreThoseOfThePaper() {
    BilevelTensor t = round(new float[64 * 256], new long[] {64, 256}, DEFAULT);
    assertThat(t.bitsPerWeight()).isEqualTo(3 + 6 / 16.0 + 64 / 256.0);
    BilevelLayout integer = new BilevelLayout(3, 16, 16, 3, Zeros.INTEGER, 0, ScaleFormat.FP16);
    assertThat(integer.bytes(64, 256) * 8 / (64.0 * 256)).isEqualTo(3 + 6 / 16.0 + 32 / 256.0);
  }

  @Test
  void groupsOfZerosAreExactAndDoNotCoarsenTheOthersMuch() {
    Random random = new Random(1);
    float[] w = new float[40 * 40];
    for (int i = 0; i < w.length; i++) {
      w[i] = zero(i / 40, i % 40) ? 0 : (float) random.nextGaussian();
    }
    float[] q = round(w, new long[] {40, 40}, DEFAULT).toFloats();
    double error = 0;
    double size = 0;
    for (int i = 0; i < w.length; i++) {
      if (zero(i / 40, i % 40)) {
        assertThat(q[i]).isEqualTo(0f);
      }
      error += (w[i] - q[i]) * (double) (w[i] - q[i]);
      size += w[i] * (double) w[i];
    }
    assertThat(error).isLessThan(0.06 * size);
  }

  private static boolean zero(int row, int column) {
    return row % 5 == 2 || (row == 9 && column / 16 == 1);
  }

  @Test
  void levelsNeverGiveAPositiveNumberNothing() {
    SecondLevel level = SecondLevel.fit(new float[] {0, 1e-6f, 3f}, 3, 3, ScaleFormat.FP16);
    assertThat(level.low()).isZero();
    assertThat(level.value(level.code(1e-6f))).isPositive();
    assertThat(level.value(level.code(0f))).isZero();
    SecondLevel alike = SecondLevel.fit(new float[] {.5f, .5f}, 2, 3, ScaleFormat.FP16);
    assertThat(alike.step()).isZero();
    assertThat(alike.value(alike.code(.5f))).isEqualTo(.5f);
  }

  @Test
  void valuesOfCodesAreTheirOwnNearest() {
    float[] lo = {-1, -3, -.1f, 0};
    float[] hi = {2, 1, .2f, 5};
    BilevelGroup group = new BilevelGroup(lo, hi, DEFAULT);
    for (int r = 0; r < 4; r++) {
      for (int code = 0; code < 8; code++) {
        assertThat(group.code(r, group.value(r, code))).isEqualTo(code);
      }
    }
  }

  @Test
  void partsOfTheWrongSizeAreRefused() {
    BilevelTensor t = round(new float[64 * 32], new long[] {64, 32}, DEFAULT);
    assertThatThrownBy(
            () ->
                new BilevelTensor(
                    new long[] {64, 48},
                    DEFAULT,
                    t.codes(),
                    t.scaleCodes(),
                    t.scaleStats(),
                    t.zeroCodes(),
                    t.zeroStats()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("codes of a packed tensor of 64 x 48");
    assertThatThrownBy(() -> new BilevelLayout(3, 16, 16, 8, Zeros.NONE, 0, ScaleFormat.FP16))
        .hasMessageContaining("scales of 8 bits");
    assertThatThrownBy(() -> new BilevelLayout(3, 16, 16, 3, Zeros.NONE, 0, ScaleFormat.E8M0))
        .hasMessageContaining("E8M0");
    assertThat(Arrays.stream(t.shape()).sum()).isEqualTo(96);
  }
}
