package dev.nibble.compress.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.rounding.Clip;
import dev.nibble.core.rounding.GridFlavour;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Acceptance 2, 5 and 6 of sheet 43, on matrices. */
class LearnedClipTest {
  private static final float WHOLE = 1 - 1e-7f;

  private static float[] random(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  private static LearnedClip clip(QuantSpec spec, GridFlavour flavour, int rows, int columns) {
    return new LearnedClip(rows, columns, LearnedClip.Layout.of(spec, flavour, columns), null, 1);
  }

  private static float[] quantized(LearnedClip clip, float[] w, int rows, int columns) {
    float[][] out = new float[1][];
    Torch.noGrad(
        () -> {
          out[0] = Torch.toFloats(clip.quantize(Torch.fromFloats(w, rows, columns)));
          return null;
        });
    return out[0];
  }

  private static AffineTensor packed(LearnedClip clip, float[] w, int columns, QuantSpec spec) {
    AffineTensor[] out = new AffineTensor[1];
    Torch.run(() -> out[0] = clip.pack(Torch.fromFloats(w, w.length / columns, columns), spec));
    return out[0];
  }

  @ParameterizedTest
  @CsvSource({
    "int2:g16, GPTQ",
    "int3:channel, GPTQ",
    "int4:g48:bf16, GPTQ",
    "int3:g16:sym, SYM_FULL",
    "int2:g32:sym, SYM_NARROW",
    "int4:g7:sym, SYM_WIDE"
  })
  void wholeRangesAreRoundToNearestAndWhatIsPackedIsWhatWasTrained(
      String text, GridFlavour flavour) {
    QuantSpec spec = QuantSpec.parse(text);
    int rows = 6;
    int columns = 40;
    float[] w = random(rows * columns, 1);
    RoundingOptions plain = new RoundingOptions(flavour, Clip.NONE, 2);
    float[] share = new float[rows * spec.groups(columns)];
    Arrays.fill(share, WHOLE);
    LearnedClip.Layout layout = LearnedClip.Layout.of(spec, flavour, columns);
    float[] rtn = RoundToNearest.quantize(w, new long[] {rows, columns}, spec, plain).toFloats();
    try (LearnedClip start = new LearnedClip(rows, columns, layout, null, 1)) {
      assertThat(packed(start, w, columns, spec).toFloats())
          .isEqualTo(quantized(start, w, rows, columns))
          .isNotEqualTo(rtn);
      for (int i = 0; i < share.length; i++) {
        int row = i / spec.groups(columns);
        int group = i % spec.groups(columns);
        AffineTensor whole =
            (AffineTensor) RoundToNearest.quantize(w, new long[] {rows, columns}, spec, plain);
        assertThat(packed(start, w, columns, spec).scale(row, group))
            .isCloseTo((float) (whole.scale(row, group) / (1 + Math.exp(-4))), within(5e-3f));
      }
    }
    try (LearnedClip open = wide(rows, columns, layout)) {
      assertThat(quantized(open, w, rows, columns)).isEqualTo(rtn);
    }
  }

  /** γ and β so large that σ is 1 in fp32. */
  private static LearnedClip wide(int rows, int columns, LearnedClip.Layout layout) {
    LearnedClip out = new LearnedClip(rows, columns, layout, null, 1);
    for (Trainable trainable : out.trainables("w", 1)) {
      Torch.noGrad(
          () -> {
            trainable.value().add_(new org.bytedeco.pytorch.Scalar(100.0));
            return null;
          });
    }
    return out;
  }

  @Test
  void gradientsAreThoseOfTheSoftGraph() {
    QuantSpec spec = QuantSpec.parse("int3:g4:fp32");
    int rows = 4;
    int columns = 8;
    float[] w = random(rows * columns, 2);
    float[] towards = random(rows * columns, 3);
    try (LearnedClip clip = clip(spec, GridFlavour.GPTQ, rows, columns)) {
      List<Trainable> trained = clip.trainables("w", 1);
      float[][] found = new float[2][];
      Torch.withGrad(
          () -> {
            Tensor loss =
                clip.quantize(Torch.fromFloats(w, rows, columns))
                    .mul(Torch.fromFloats(towards, rows, columns))
                    .sum();
            TensorVector gradients =
                torch.grad(
                    new TensorVector(loss),
                    new TensorVector(trained.get(0).value(), trained.get(1).value()));
            found[0] = Torch.toFloats(gradients.get(0));
            found[1] = Torch.toFloats(gradients.get(1));
            return null;
          });
      double[][] start = new double[2][rows * 2];
      Arrays.fill(start[0], LearnedClip.START);
      Arrays.fill(start[1], LearnedClip.START);
      for (int which = 0; which < 2; which++) {
        for (int i = 0; i < rows * 2; i++) {
          double step = 1e-5;
          start[which][i] += step;
          double up = soft(w, towards, start, i);
          start[which][i] -= 2 * step;
          double down = soft(w, towards, start, i);
          start[which][i] += step;
          assertThat((double) found[which][i])
              .as("%d, group %d", which, i)
              .isCloseTo((up - down) / (2 * step), within(1e-3));
        }
      }
    }
  }

  /**
   * The group's share of the sum with rounding replaced by the offset that it has at γ = β = 4: the
   * function whose derivative straight-through rounding takes.
   */
  private static double soft(float[] w, float[] towards, double[][] logits, int group) {
    int from = group / 2 * 8 + group % 2 * 4;
    double high = 0;
    double low = 0;
    for (int i = from; i < from + 4; i++) {
      high = Math.max(high, w[i]);
      low = Math.min(low, w[i]);
    }
    double share = 1 / (1 + Math.exp(-LearnedClip.START));
    double s0 = share * (high - low) / 7;
    double z0 = -share * low / s0;
    double hi = high / (1 + Math.exp(-logits[0][group]));
    double lo = low / (1 + Math.exp(-logits[1][group]));
    double s = (hi - lo) / 7;
    double z = -lo / s + (Math.rint(z0) - z0);
    double sum = 0;
    for (int i = from; i < from + 4; i++) {
      double u0 = w[i] / s0;
      double code = w[i] / s + (Math.rint(u0) - u0) + z;
      boolean under = Math.rint(u0) + Math.rint(z0) < 0;
      boolean over = Math.rint(u0) + Math.rint(z0) > 7;
      double clamped = under ? 0 : over ? 7 : code;
      sum += towards[i] * s * (clamped - z);
    }
    return sum;
  }

  @Test
  void constantRowsZeroGroupsAndShortGroupsAreFinite() {
    QuantSpec spec = QuantSpec.parse("int2:g48");
    int columns = 128;
    float[] w = random(3 * columns, 4);
    Arrays.fill(w, 0, columns, 0.25f);
    Arrays.fill(w, columns + 48, columns + 96, 0f);
    try (LearnedClip clip = clip(spec, GridFlavour.GPTQ, 3, columns)) {
      float[] out = quantized(clip, w, 3, columns);
      for (int c = 0; c < columns; c++) {
        assertThat(out[c]).isCloseTo(0.25f * 0.982f, within(1e-3f));
      }
      for (int c = columns + 48; c < columns + 96; c++) {
        assertThat(out[c]).isZero();
      }
      assertThat(packed(clip, w, columns, spec).toFloats()).isEqualTo(out);
    }
  }

  @Test
  void groupsOfColumnsHaveBitsOfTheirOwn() {
    LearnedClip.Layout layout =
        new LearnedClip.Layout(4, List.of(1, 2, 3, 8), GridFlavour.GPTQ, ScaleFormat.FP16);
    float[] w = random(5 * 16, 6);
    try (LearnedClip clip = new LearnedClip(5, 16, layout, null, 1)) {
      AffineGrid[][] grids = new AffineGrid[1][];
      Torch.run(() -> grids[0] = clip.grids(Torch.fromFloats(w, 5, 16)));
      float[] out = quantized(clip, w, 5, 16);
      for (int i = 0; i < out.length; i++) {
        int group = i % 16 / 4;
        AffineGrid grid = grids[0][i / 16 * 4 + group];
        assertThat(grid.highCode()).isEqualTo((1 << layout.bits().get(group)) - 1);
        assertThat(out[i]).isEqualTo(grid.value(grid.code(w[i])));
      }
    }
  }

  @Test
  void startsWhereASearchOfTheRangeEnds() {
    QuantSpec spec = QuantSpec.parse("int2:g16");
    float[] w = random(8 * 32, 8);
    w[5] = 9;
    RoundingOptions search = new RoundingOptions(GridFlavour.GPTQ, Clip.MSE, 2);
    LearnedClip.Layout layout = LearnedClip.Layout.of(spec, GridFlavour.GPTQ, 32);
    float[] searched = RoundToNearest.quantize(w, new long[] {8, 32}, spec, search).toFloats();
    try (LearnedClip clip =
            new LearnedClip(8, 32, layout, LearnedClip.searched(w, 32, layout, search), 1);
        LearnedClip whole = clip(spec, GridFlavour.GPTQ, 8, 32)) {
      assertThat(error(w, packed(clip, w, 32, spec).toFloats()))
          .isCloseTo(error(w, searched), within(0.02 * error(w, searched)))
          .isLessThan(0.9 * error(w, packed(whole, w, 32, spec).toFloats()));
    }
  }

  private static double error(float[] w, float[] q) {
    double sum = 0;
    for (int i = 0; i < w.length; i++) {
      sum += (w[i] - q[i]) * (w[i] - q[i]);
    }
    return sum;
  }
}
