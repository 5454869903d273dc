package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The acceptance list of sheet 12b, on matrices. */
class GptqTest {
  private static final int ROWS = 24;

  private static GptqOptions options(boolean actOrder, boolean staticGroups, int blockSize) {
    return new GptqOptions(
        0.01,
        actOrder,
        staticGroups,
        true,
        blockSize,
        false,
        RoundingOptions.DEFAULT,
        Optional.empty(),
        GptqOptions.Fallback.RTN);
  }

  private record Run(Gptq.Solution solution, AffineTensor packed, Curvature curvature) {}

  private static Run run(float[] w, double[] h, String spec, GptqOptions options) {
    QuantSpec parsed = QuantSpec.parse(spec);
    int n = (int) Math.sqrt(h.length);
    return GptqCases.withHessian(
        h,
        (hessian, workers) -> {
          Curvature curvature =
              Curvature.of(hessian, options.dampPercent(), options.actOrder(), workers)
                  .orElseThrow();
          Gptq.Solution solution = Gptq.solve(w, curvature, parsed, options, workers);
          return new Run(solution, solution.pack(w.length / n, n, parsed), curvature);
        });
  }

  @ParameterizedTest
  @CsvSource({
    "int4:channel, true, true",
    "int3:g32, false, false",
    "int2:g32, true, false",
    "int3:g24:sym, true, true",
    "int4:tensor, false, true"
  })
  void sumOfSquaredErrorsIsTheDampedObjective(String spec, boolean actOrder, boolean fixed) {
    int n = 96;
    float[] w = GptqCases.gaussians(ROWS * n, 1);
    double[] h = GptqCases.correlatedHessian(n, 300, 2);
    GptqCases.kill(h, n, 17);
    Run run = run(w, h, spec, options(actOrder, fixed, 32));
    for (int row = 0; row < ROWS; row++) {
      w[row * n + 17] = 0;
    }
    double[] damped = h.clone();
    for (int j = 0; j < n; j++) {
      damped[j * n + j] += run.curvature().damping();
    }
    assertThat(run.solution().loss())
        .isCloseTo(
            GptqCases.error(w, run.packed().toFloats(), damped, n),
            within(1e-9 * run.solution().loss()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"int2:channel", "int3:g32", "int4:channel:sym", "int8:g40"})
  void diagonalHessianGivesRoundingBitForBit(String spec) {
    int n = 80;
    float[] w = GptqCases.gaussians(ROWS * n, 3);
    double[] h = new double[n * n];
    for (int j = 0; j < n; j++) {
      h[j * n + j] = 1 + j % 7;
    }
    AffineTensor rtn =
        (AffineTensor)
            RoundToNearest.quantize(
                w, new long[] {ROWS, n}, QuantSpec.parse(spec), RoundingOptions.DEFAULT);
    for (GptqOptions o : List.of(options(false, false, 16), options(true, true, 16))) {
      assertThat(run(w, h, spec, o).packed().toFloats()).isEqualTo(rtn.toFloats());
    }
  }

  @ParameterizedTest
  @CsvSource({"int3:channel, true, true", "int3:g24, false, false", "int2:g50, true, false"})
  void blockSizeDoesNotChangeABit(String spec, boolean actOrder, boolean fixed) {
    int n = 150;
    float[] w = GptqCases.gaussians(ROWS * n, 4);
    double[] h = GptqCases.correlatedHessian(n, 400, 5);
    Run whole = run(w, h, spec, options(actOrder, fixed, n));
    for (int block : new int[] {1, 7, 32, 128}) {
      Run blocked = run(w, h, spec, options(actOrder, fixed, block));
      assertThat(blocked.solution().codes())
          .as("block %d", block)
          .isEqualTo(whole.solution().codes());
      assertThat(blocked.solution().scales()).isEqualTo(whole.solution().scales());
      assertThat(blocked.solution().loss()).isEqualTo(whole.solution().loss());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4})
  void correlatedInputsGainAtLeastAQuarter(int bits) {
    int n = 256;
    float[] w = GptqCases.gaussians(64 * n, 6);
    double[] h = GptqCases.correlatedHessian(n, 2000, 7);
    QuantSpec spec = QuantSpec.parse("int" + bits + ":channel");
    float[] rtn =
        RoundToNearest.quantize(w, new long[] {64, n}, spec, RoundingOptions.DEFAULT).toFloats();
    double rounding = GptqCases.error(w, rtn, h, n);
    double natural =
        GptqCases.error(
            w, run(w, h, spec.text(), options(false, true, 64)).packed().toFloats(), h, n);
    double ordered =
        GptqCases.error(
            w, run(w, h, spec.text(), options(true, true, 64)).packed().toFloats(), h, n);
    assertThat(natural).isLessThan(0.75 * rounding);
    assertThat(ordered).isLessThan(0.75 * rounding);
  }

  @Test
  void deadInputsBecomeZeroAndDoNotDisturbTheOthers() {
    int n = 64;
    float[] w = GptqCases.gaussians(ROWS * n, 8);
    double[] h = GptqCases.correlatedHessian(n, 200, 9);
    for (int j = 0; j < 10; j++) {
      GptqCases.kill(h, n, 6 * j);
    }
    Run run = run(w, h, "int4:g32", options(true, true, 64));
    assertThat(run.curvature().deadCount()).isEqualTo(10);
    float[] q = run.packed().toFloats();
    for (int i = 0; i < q.length; i++) {
      assertThat(q[i]).isFinite();
      if (i % n % 6 == 0 && i % n < 60) {
        assertThat(q[i]).isZero();
      }
    }
  }

  @Test
  void rankDeficientHessianAndShortLastGroupAreSolved() {
    int n = 300;
    float[] w = GptqCases.gaussians(ROWS * n, 10);
    double[] h = GptqCases.correlatedHessian(n, 40, 11);
    Run run = run(w, h, "int3:g128", options(false, false, 128));
    assertThat(run.packed().groupsPerRow()).isEqualTo(3);
    assertThat(run.solution().loss()).isFinite();
    float[] rtn =
        RoundToNearest.quantize(
                w, new long[] {ROWS, n}, QuantSpec.parse("int3:g128"), RoundingOptions.DEFAULT)
            .toFloats();
    assertThat(GptqCases.error(w, run.packed().toFloats(), h, n))
        .isLessThan(0.5 * GptqCases.error(w, rtn, h, n));
  }

  @Test
  void ladderRaisesDampingThenClampsEigenvaluesThenGivesUp() {
    int n = 16;
    double[] slightly = withEigenvalue(n, -0.05);
    assertThat(curvature(slightly, 0.01).orElseThrow().rescues())
        .containsExactly("damping raised to 0.1 of the mean diagonal");
    assertThat(curvature(slightly, 0).orElseThrow().rescues()).hasSize(2);
    double[] strongly = withEigenvalue(n, -14);
    assertThat(curvature(strongly, 0.01).orElseThrow().rescues())
        .hasSize(4)
        .last()
        .asString()
        .contains("eigenvalues clamped");
    double[] broken = withEigenvalue(n, 0.5);
    broken[1] = Double.NaN;
    broken[n] = Double.NaN;
    assertThat(curvature(broken, 0.01)).isEmpty();
    assertThat(curvature(new double[n * n], 0.01)).isEmpty();
    assertThat(curvature(withEigenvalue(n, 0.5), 0.01).orElseThrow().rescues()).isEmpty();
  }

  /** The unit matrix but for one eigenvalue, that of the direction (1, -1, 0 …). */
  private static double[] withEigenvalue(int n, double value) {
    double[] out = new double[n * n];
    for (int j = 0; j < n; j++) {
      out[j * n + j] = 1;
    }
    double move = (value - 1) / 2;
    out[0] += move;
    out[n + 1] += move;
    out[1] -= move;
    out[n] -= move;
    return out;
  }

  private static Optional<Curvature> curvature(double[] h, double damping) {
    return GptqCases.withHessian(
        h, (hessian, workers) -> Curvature.of(hessian, damping, true, workers));
  }

  @Test
  void codesEqualThoseOfAPlainImplementation() {
    int n = 128;
    float[] w = GptqCases.gaussians(ROWS * n, 13);
    double[] h = GptqCases.correlatedHessian(n, 500, 14);
    for (boolean actOrder : new boolean[] {false, true}) {
      for (int group : new int[] {32, 128}) {
        String spec = "int3:g" + group;
        byte[] ours = run(w, h, spec, options(actOrder, false, 32)).solution().codes();
        byte[] plain = PlainGptq.solve(w, h, n, group, 3, actOrder);
        assertThat(ours).as("act order %s, group %d", actOrder, group).isEqualTo(plain);
      }
    }
  }

  @Test
  void groupIndexFollowsTheOrder() {
    int n = 64;
    float[] w = GptqCases.gaussians(ROWS * n, 15);
    double[] h = GptqCases.correlatedHessian(n, 200, 16);
    Run run = run(w, h, "int4:g16", options(true, false, 64));
    int[] order = run.curvature().order();
    for (int p = 0; p < n; p++) {
      assertThat(run.packed().groupOf(order[p])).isEqualTo(p / 16);
    }
    assertThat(Arrays.stream(order).sorted()).containsExactly(range(n));
    assertThat(h[order[0] * n + order[0]]).isEqualTo(Arrays.stream(diagonal(h, n)).max().orElse(0));
  }

  private static Integer[] range(int n) {
    Integer[] out = new Integer[n];
    Arrays.setAll(out, i -> i);
    return out;
  }

  private static double[] diagonal(double[] h, int n) {
    double[] out = new double[n];
    Arrays.setAll(out, j -> h[j * n + j]);
    return out;
  }
}
