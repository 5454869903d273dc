package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.rounding.BilevelBuilder;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The acceptance list of sheet 36, on matrices. */
class SpqrTest {
  private static final SpqrOptions DEFAULT = SpqrOptions.DEFAULT;

  private static SpqrOptions options(
      double threshold, OptionalDouble share, int scaleBits, SpqrOptions.Order order) {
    return new SpqrOptions(
        threshold,
        share,
        true,
        DEFAULT.blockRows(),
        scaleBits,
        DEFAULT.zeroBits(),
        false,
        order,
        DEFAULT.dampPercent(),
        true,
        32);
  }

  private static SpqrOptions threshold(double threshold) {
    return options(threshold, OptionalDouble.empty(), 3, SpqrOptions.Order.ACT_ORDER);
  }

  private static SpqrOptions share(double share) {
    return options(0, OptionalDouble.of(share), 3, SpqrOptions.Order.ACT_ORDER);
  }

  private record Run(Spqr.Solution solution, Curvature curvature) {
    PackedTensor packed() {
      return solution.packed();
    }
  }

  private static Run run(float[] w, double[] h, String spec, SpqrOptions options) {
    return GptqCases.withHessian(
        h,
        (hessian, workers) -> {
          Curvature curvature =
              Curvature.of(
                      hessian,
                      options.dampPercent(),
                      options.order() == SpqrOptions.Order.ACT_ORDER,
                      workers)
                  .orElseThrow();
          QuantSpec parsed = QuantSpec.parse(spec);
          return new Run(Spqr.solve(w, curvature, parsed, options, workers), curvature);
        });
  }

  @ParameterizedTest
  @CsvSource({"int3:channel, 96", "int3:g32, 96", "int4:g40:sym, 100"})
  void withoutOutliersAndSecondLevelCodesAreThoseOfGptq(String spec, int n) {
    float[] w = GptqCases.gaussians(24 * n, 1);
    double[] h = GptqCases.correlatedHessian(n, 300, 2);
    SpqrOptions plain =
        options(0, OptionalDouble.of(0), SpqrOptions.PLAIN_BITS, SpqrOptions.Order.IDENTITY);
    AffineTensor ours = (AffineTensor) run(w, h, spec, plain).packed();
    QuantSpec parsed = QuantSpec.parse(spec);
    GptqOptions options = inPlace();
    AffineTensor gptq =
        GptqCases.withHessian(
            h,
            (hessian, workers) ->
                Gptq.solve(
                        w,
                        Curvature.of(hessian, 0.01, false, workers).orElseThrow(),
                        parsed,
                        options,
                        workers)
                    .pack(24, n, parsed));
    assertThat(ours.codes().mismatch(gptq.codes())).isEqualTo(-1);
    assertThat(ours.scales().mismatch(gptq.scales())).isEqualTo(-1);
  }

  private static GptqOptions inPlace() {
    JsonNode text =
        JsonNodeFactory.instance.objectNode().put("act_order", false).put("static_groups", false);
    return GptqOptions.from(new OptionReader("test", text));
  }

  @ParameterizedTest
  @CsvSource({
    "int3:g16, 0.2, 24, 40",
    "int4:g16, 0.05, 33, 100",
    "int2:g32:sym, 0.5, 16, 64",
    "int3:channel, 0.2, 40, 72"
  })
  void sumOfSquaredErrorsIsTheDampedObjectiveOfWhatIsStored(
      String spec, double threshold, int rows, int n) {
    float[] w = GptqCases.gaussians(rows * n, 3);
    double[] h = GptqCases.correlatedHessian(n, 300, 4);
    GptqCases.kill(h, n, 5);
    Run run = run(w, h, spec, threshold(threshold));
    for (int row = 0; row < rows; row++) {
      w[row * n + 5] = 0;
    }
    double[] damped = h.clone();
    double mean = 0;
    for (int j = 0; j < n; j++) {
      mean += h[j * n + j] / (n - 1);
      damped[j * n + j] += run.curvature.damping();
    }
    damped[5 * n + 5] += mean;
    float[] stored = run.packed().toFloats();
    double loss = run.solution.loss();
    assertThat(GptqCases.error(w, stored, damped, n)).isCloseTo(loss, within(1e-9 * loss));
    for (int row = 0; row < rows; row++) {
      assertThat(stored[row * n + 5]).isFinite();
    }
    assertThat(run.solution.share()).isBetween(0.0, 0.5);
    OutlierTensor tensor = (OutlierTensor) run.packed();
    assertThat(tensor.count()).isEqualTo((int) Math.round(run.solution.share() * rows * n));
  }

  @Test
  void bitsAreThoseOfTheFormula() {
    int rows = 64;
    int n = 256;
    float[] w = GptqCases.gaussians(rows * n, 5);
    double[] h = GptqCases.correlatedHessian(n, 600, 6);
    Run run = run(w, h, "int3:g16", share(0.01));
    double share = run.solution.share();
    assertThat(share).isBetween(0.007, 0.0105);
    double elements = rows * n;
    double formula =
        3 + 6 / 16.0 + 64 / 256.0 + 32 * share + 32 * (rows + 1) / elements + 16 * n / elements;
    assertThat(run.packed().bitsPerWeight()).isCloseTo(formula, within(1e-9));
  }

  @Test
  void sharesFallAsTheThresholdGrowsAndErrorsRise() {
    int n = 128;
    float[] w = GptqCases.gaussians(32 * n, 7);
    double[] h = GptqCases.correlatedHessian(n, 400, 8);
    double lastShare = 1;
    double lastError = 0;
    for (double threshold : new double[] {0.01, 0.03, 0.1, 0.3, 1, 10}) {
      Run run = run(w, h, "int3:g16", threshold(threshold));
      double error = GptqCases.error(w, run.packed().toFloats(), h, n);
      assertThat(run.solution.share()).isLessThanOrEqualTo(lastShare);
      assertThat(error).isGreaterThan(0.97 * lastError);
      lastShare = run.solution.share();
      lastError = error;
    }
    assertThat(lastShare).isZero();
  }

  @Test
  void plantedWeightsAreFoundAndTheirGroupsStayFine() {
    int n = 128;
    int rows = 64;
    float[] w = GptqCases.gaussians(rows * n, 9);
    SplittableRandom random = new SplittableRandom(1);
    int[] planted = new int[10];
    for (int i = 0; i < planted.length; i++) {
      planted[i] = (i * 6 + random.nextInt(6)) * n + random.nextInt(n);
      w[planted[i]] = random.nextBoolean() ? 50 : -50;
    }
    double[] h = GptqCases.correlatedHessian(n, 400, 10);
    OutlierTensor packed = (OutlierTensor) run(w, h, "int3:g16", threshold(0.2)).packed();
    boolean[] listed = new boolean[w.length];
    for (int r = 0; r < rows; r++) {
      for (int i = packed.offset(r); i < packed.offset(r + 1); i++) {
        listed[r * n + packed.column(i)] = true;
      }
    }
    for (int at : planted) {
      assertThat(listed[at]).isTrue();
    }
    for (float value : packed.base().toFloats()) {
      assertThat(Math.abs(value)).isLessThan(12);
    }
  }

  @Test
  void leavingOneOutFindsWhatMakesAGroupWide() {
    double[] x = {.1, -.2, 9, .15, -.05, .2, .11, -.1};
    double[] weight = {1, 1, 1, 1, 1, 1, 1, 1};
    float[] range = new float[2];
    new LeaveOneOut(3, false, false, 0.4).range(x, 0, 8, weight, range);
    assertThat(range[0]).isEqualTo(-.2f);
    assertThat(range[1]).isEqualTo(.2f);
    new LeaveOneOut(3, false, false, Double.POSITIVE_INFINITY).range(x, 0, 8, weight, range);
    assertThat(range[1]).isEqualTo(9f);
    new LeaveOneOut(3, false, false, 100).range(x, 0, 8, weight, range);
    assertThat(range[1]).isEqualTo(9f);
    double[] alone = {4};
    new LeaveOneOut(3, true, false, 1e-9).range(alone, 0, 1, weight, range);
    assertThat(range[1]).isBetween(0f, 4f);
  }

  @Test
  void leavingOneOutIsNotWorseThanTheSimplifiedSearch() {
    int n = 128;
    float[] w = heavyTailed(64 * n, 11);
    double[] h = GptqCases.correlatedHessian(n, 400, 12);
    SpqrOptions simple =
        new SpqrOptions(
            0,
            OptionalDouble.of(0.01),
            false,
            16,
            3,
            3,
            false,
            SpqrOptions.Order.ACT_ORDER,
            0.01,
            true,
            128);
    double full = error(w, h, "int3:g16", share(0.01));
    assertThat(full).isLessThan(1.02 * error(w, h, "int3:g16", simple));
  }

  @Test
  void codedScalesOfSmallGroupsBeatPlainScalesOfLargeOnes() {
    int n = 256;
    float[] w = heavyTailed(64 * n, 13);
    double[] h = GptqCases.correlatedHessian(n, 800, 14);
    SpqrOptions plain =
        options(0, OptionalDouble.of(0.0), SpqrOptions.PLAIN_BITS, SpqrOptions.Order.ACT_ORDER);
    double coded = error(w, h, "int3:g16", share(0));
    assertThat(coded).isLessThan(error(w, h, "int3:g128", plain));
    double kept = error(w, h, "int3:g16", share(0.01));
    double roundedWide = // 4 bits and more a weight
        GptqCases.error(w, rtn(w, n, "int3:g16"), h, n);
    assertThat(kept).isLessThan(0.5 * roundedWide);
    assertThat(kept).isLessThan(error(w, h, "int3:g16", plain));
  }

  private static double error(float[] w, double[] h, String spec, SpqrOptions options) {
    int n = (int) Math.sqrt(h.length);
    return GptqCases.error(w, run(w, h, spec, options).packed().toFloats(), h, n);
  }

  private static float[] rtn(float[] w, int n, String spec) {
    return RoundToNearest.quantize(
            w, new long[] {w.length / n, n}, QuantSpec.parse(spec), RoundingOptions.DEFAULT)
        .toFloats();
  }

  /** Gaussians of which one in a hundred is five times as large. */
  private static float[] heavyTailed(int count, long seed) {
    float[] out = GptqCases.gaussians(count, seed);
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < count; i++) {
      out[i] *= random.nextInt(100) == 0 ? 5 : 1;
    }
    return out;
  }

  @ParameterizedTest
  @ValueSource(strings = {"int3:g16", "int4:g16:sym", "int2:channel"})
  void zeroRowsConstantGroupsAndDeadColumnsStayFinite(String spec) {
    int n = 72;
    float[] w = GptqCases.gaussians(40 * n, 15);
    for (int c = 0; c < n; c++) {
      w[3 * n + c] = 0;
      w[7 * n + c] = c < 16 ? 0.25f : w[7 * n + c];
    }
    double[] h = GptqCases.correlatedHessian(n, 30, 16);
    GptqCases.kill(h, n, 0);
    GptqCases.kill(h, n, 20);
    float[] q = run(w, h, spec, threshold(0.2)).packed().toFloats();
    for (float value : q) {
      assertThat(value).isFinite();
    }
    for (int c = 0; c < n; c++) {
      assertThat(q[3 * n + c]).isEqualTo(0f);
    }
    float[] rounded =
        GptqCases.withHessian(
            h,
            (hessian, workers) ->
                BilevelBuilder.round(
                        w, new long[] {40, n}, DEFAULT.layout(QuantSpec.parse(spec), n), workers)
                    .toFloats());
    assertThat(GptqCases.error(w, q, h, n)).isLessThan(GptqCases.error(w, rounded, h, n));
  }

  @Test
  void blockSizeAndOrderOfSearchDoNotChangeABit() {
    int n = 150;
    float[] w = GptqCases.gaussians(50 * n, 17);
    double[] h = GptqCases.correlatedHessian(n, 400, 18);
    float[] first = null;
    for (int block : new int[] {1, 16, 40, 500}) {
      SpqrOptions options =
          new SpqrOptions(
              0.2,
              OptionalDouble.empty(),
              true,
              16,
              3,
              3,
              false,
              SpqrOptions.Order.ACT_ORDER,
              0.01,
              true,
              block);
      float[] q = run(w, h, "int3:g16", options).packed().toFloats();
      if (first == null) {
        first = q;
      }
      assertThat(q).as("block %d", block).isEqualTo(first);
    }
  }

  @Test
  void spearmanPutsLikeColumnsSideBySide() {
    int n = 12;
    float[] base = GptqCases.gaussians(3 * 40, 19);
    float[] noise = GptqCases.gaussians(40 * n, 20);
    float[] w = new float[40 * n];
    for (int r = 0; r < 40; r++) {
      for (int c = 0; c < n; c++) {
        w[r * n + c] = base[c % 3 * 40 + r] + 0.1f * noise[r * n + c];
      }
    }
    int[] order = ColumnOrder.spearman(w, n);
    assertThat(order).containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    for (int p = 0; p < n; p++) {
      assertThat(order[p] % 3).isEqualTo(order[p / 4 * 4] % 3);
    }
  }
}
