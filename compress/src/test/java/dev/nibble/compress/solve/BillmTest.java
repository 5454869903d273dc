package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.work.Workers;
import java.util.Arrays;
import java.util.function.DoublePredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the paper's layers, masks and compensation promise, on matrices. */
class BillmTest {
  private static BillmOptions options(Object... keysAndValues) {
    var node = JsonNodeFactory.instance.objectNode();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      if (keysAndValues[i + 1] instanceof Integer n) {
        node.put((String) keysAndValues[i], n);
      } else if (keysAndValues[i + 1] instanceof Boolean b) {
        node.put((String) keysAndValues[i], b);
      } else {
        node.put((String) keysAndValues[i], (String) keysAndValues[i + 1]);
      }
    }
    return BillmOptions.from(new OptionReader("billm", node));
  }

  private static Billm.Solution solve(float[] w, double[] h, BillmOptions options) {
    return GptqCases.withHessian(
        h,
        (hessian, workers) ->
            Billm.solve(
                w,
                Curvature.of(hessian, options.dampPercent(), false, workers).orElseThrow(),
                options,
                workers));
  }

  @Test
  void aSecondLayerNeverHurtsARow() {
    for (int row = 0; row < 200; row++) {
      float[] w = GptqCases.gaussians(1 + row, row);
      double one = BinaryLayers.error(w.clone(), w.length, 1, true);
      double two = BinaryLayers.error(w.clone(), w.length, 2, true);
      assertThat(two).isLessThanOrEqualTo(one * (1 + 1e-6) + 1e-12);
    }
  }

  @Test
  void layersOfGaussiansLeaveWhatTheoryPredicts() {
    float[] w = GptqCases.gaussians(100_000, 5);
    // 1 - 2/pi, and that of its folded rest
    assertThat(BinaryLayers.error(w.clone(), w.length, 1, true) / w.length)
        .isCloseTo(0.363, within(0.01));
    assertThat(BinaryLayers.error(w.clone(), w.length, 2, true) / w.length).isBetween(0.11, 0.14);
  }

  @Test
  void splittingGaussiansLeavesLessThanHalf() {
    int width = 128;
    float[] w = GptqCases.gaussians(64 * width, 6);
    float p;
    try (Workers workers = new Workers(2)) {
      p = new BinaryMasks(w, width, BillmOptions.DEFAULT, workers).split(new boolean[width]);
    }
    double split = 0;
    double whole = 0;
    for (int r = 0; r < 64; r++) {
      float[] row = Arrays.copyOfRange(w, r * width, (r + 1) * width);
      float[] small = filter(row, v -> Math.abs(v) < p);
      float[] large = filter(row, v -> Math.abs(v) >= p);
      split += BinaryLayers.error(small, small.length, 1, true);
      split += BinaryLayers.error(large, large.length, 1, true);
      whole += BinaryLayers.error(row, width, 1, true);
    }
    assertThat(split).isLessThan(0.45 * whole);
  }

  private static float[] filter(float[] v, DoublePredicate keep) {
    double[] kept = IntStream.range(0, v.length).mapToDouble(i -> v[i]).filter(keep).toArray();
    float[] out = new float[kept.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) kept[i];
    }
    return out;
  }

  @Test
  void quantilesAreInterpolated() {
    float[] sorted = {0, 10, 20, 40};
    assertThat(BinaryMasks.quantile(sorted, 0.5)).isEqualTo(15f);
    assertThat(BinaryMasks.quantile(sorted, 1)).isEqualTo(40f);
    assertThat(BinaryMasks.quantile(sorted, 0.1)).isEqualTo(3f);
  }

  @ParameterizedTest
  @CsvSource({
    "hessian, code, true, true",
    "hessian, paper, true, true",
    "magnitude, code, true, true",
    "hessian, paper, false, true",
    "hessian, code, true, false"
  })
  void agreesWithThePseudoCode(String metric, String variant, boolean mean, boolean compensate) {
    int n = 70;
    int rows = 24;
    float[] w = GptqCases.gaussians(rows * n, 3);
    double[] h = GptqCases.correlatedHessian(n, 300, 4);
    BillmOptions options =
        options(
            "block_size",
            32,
            "salient_metric",
            metric,
            "variant",
            variant,
            "use_mean",
            mean,
            "compensate",
            compensate,
            "scale",
            "fp32");
    float[] found = solve(w, h, options).packed().toFloats();
    double[][] plain = new double[rows][n];
    for (int i = 0; i < w.length; i++) {
      plain[i / n][i % n] = w[i];
    }
    double[][] u =
        GptqCases.withHessian(
            h,
            (hessian, workers) -> {
              InverseFactor factor =
                  Curvature.of(hessian, 0.01, false, workers).orElseThrow().factor();
              double[][] out = new double[n][n];
              for (int r = 0; r < n; r++) {
                System.arraycopy(factor.row(r), 0, out[r], r, n - r);
              }
              return out;
            });
    double[][] expected = new PlainBillm(plain, u, options).run();
    for (int i = 0; i < found.length; i++) {
      assertThat((double) found[i]).isCloseTo(expected[i / n][i % n], within(2e-5));
    }
  }

  @Test
  void compensationLowersTheErrorOnTheInputs() {
    int n = 96;
    float[] w = GptqCases.gaussians(48 * n, 7);
    double[] h = GptqCases.correlatedHessian(n, 400, 8);
    BillmOptions options = options("block_size", 32);
    double with = GptqCases.error(w, solve(w, h, options).packed().toFloats(), h, n);
    double without =
        GptqCases.error(w, solve(w, h, options.uncompensated()).packed().toFloats(), h, n);
    assertThat(with).isLessThan(0.9 * without);
  }

  @Test
  void aPlantedColumnIsSalient() {
    int n = 64;
    float[] w = GptqCases.gaussians(32 * n, 9);
    for (int r = 0; r < 32; r++) {
      w[r * n + 17] *= 12;
    }
    Billm.Solution solution =
        solve(w, GptqCases.correlatedHessian(n, 300, 2), options("block_size", 64));
    assertThat(solution.packed().isSalient(17)).isTrue();
    assertThat(solution.parameterBits()).isBetween(1.0 + 1.0 / n, 1.0 + 49.0 / n);
  }

  @ParameterizedTest
  @CsvSource({"1, 4", "33, 32", "300, 128", "5, 128"})
  void anyWidthIsStoredAsItsFormSays(int n, int block) {
    int rows = 9;
    float[] w = GptqCases.gaussians(rows * n, n);
    Arrays.fill(w, 0, n, 0f);
    Arrays.fill(w, n, 2 * n, 0.5f);
    double[] h = GptqCases.correlatedHessian(n, 2 * n + 10, 1);
    if (n > 4) {
      GptqCases.kill(h, n, 3);
    }
    BillmOptions options = options("block_size", block);
    Billm.Solution solution = solve(w, h, options);
    assertThat(solution.packed().byteSize())
        .isEqualTo(
            new BinaryForm(block, true, true, options.scaleFormat())
                .sized(new long[] {rows, n})
                .byteSize());
    float[] stored = solution.packed().toFloats();
    for (int i = 0; i < stored.length; i++) {
      assertThat(stored[i]).isFinite();
      if (i < n) {
        assertThat(stored[i]).isZero();
      }
    }
  }
}
