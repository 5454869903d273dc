package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.compress.solve.QuantEaseOptions.Start;
import dev.nibble.compress.solve.QuantEaseOptions.Structure;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The acceptance list of sheet 48 for weights that are kept. */
class OutlierDescentTest {
  private static final int ROWS = 40;
  private static final int N = 64;

  private static QuantEaseOptions options(
      Start start, int relaxEvery, double outliers, Structure structure) {
    return new QuantEaseOptions(
        start,
        20,
        relaxEvery,
        false,
        true,
        true,
        16,
        0,
        RoundingOptions.DEFAULT,
        outliers,
        structure,
        1);
  }

  private record Run(OutlierDescent.Solution solution, PackedTensor packed, boolean[] first) {}

  private static Run run(float[] w, double[] h, String spec, QuantEaseOptions options) {
    return GptqCases.withHessian(
        h,
        (hessian, workers) -> {
          QuantSpec parsed = QuantSpec.parse(spec);
          OutlierChoice choice =
              new OutlierChoice(ROWS, N, options.outliers(), options.structure());
          boolean[] first = choice.largest(w);
          WeightGrids grids =
              WeightGrids.fit(
                  choice.fitted(w, first), N, parsed, options.rounding(), null, workers);
          try (DescentMatrix descent = new DescentMatrix(hessian, false, 0, 16)) {
            OutlierDescent.Solution solution =
                OutlierDescent.solve(descent, grids, choice, w, first, options, workers);
            PackedTensor packed =
                new OutlierStorage(parsed, options)
                    .pack(grids, solution.sum(), solution.marked(), N);
            return new Run(solution, packed, first);
          }
        });
  }

  @ParameterizedTest
  @CsvSource({"NONE, 0.01", "NONE, 0.05", "COLUMNS, 0.05"})
  void keepsNoMoreThanAllowedAndGains(Structure structure, double fraction) {
    float[] w = GptqCases.gaussians(ROWS * N, 1);
    double[] h = QuantEaseCases.mixedHessian(N, 256, 2);
    Run run = run(w, h, "int3:channel", options(Start.FP, 3, fraction, structure));
    int kept = 0;
    for (float value : run.solution.kept()) {
      kept += value != 0 ? 1 : 0;
    }
    assertThat(kept).isPositive().isLessThanOrEqualTo((int) (fraction * ROWS * N) + ROWS);
    double error = GptqCases.error(w, run.packed.toFloats(), h, N);
    assertThat(error).isCloseTo(run.solution.error(), within(0.01 * error));
    float[] without =
        QuantEaseCases.solve(w, h, "int3:channel", QuantEaseCases.options(20, 3, false, 16));
    assertThat(error).isLessThan(GptqCases.error(w, without, h, N));
  }

  @Test
  void anyWeightsGainMoreThanWholeColumns() {
    float[] w = GptqCases.gaussians(ROWS * N, 3);
    double[] h = QuantEaseCases.mixedHessian(N, 256, 4);
    double any =
        run(w, h, "int3:channel", options(Start.FP, 3, .05, Structure.NONE)).solution.error();
    double columns =
        run(w, h, "int3:channel", options(Start.FP, 3, .05, Structure.COLUMNS)).solution.error();
    assertThat(any).isLessThan(columns);
  }

  @ParameterizedTest
  @CsvSource({"int3:channel", "int3:g16"})
  void plantedWeightsAreRecovered(String spec) {
    float[] w = GptqCases.gaussians(ROWS * N, 5);
    int[] planted = IntStream.range(0, 20).map(i -> 2 * i * N + (i * 37 + 5) % N).toArray();
    for (int i = 0; i < planted.length; i++) {
      w[planted[i]] = i % 2 == 0 ? 20 + i : -20 - i;
    }
    double[] h = QuantEaseCases.mixedHessian(N, 256, 6);
    double fraction = 20.5 / (ROWS * N);
    Run run = run(w, h, spec, options(Start.FP, 3, fraction, Structure.NONE));
    OutlierTensor packed = (OutlierTensor) run.packed;
    assertThat(packed.count()).isEqualTo(20);
    float[] q = packed.toFloats();
    for (int at : planted) {
      assertThat(run.solution.marked()[at]).isTrue();
      assertThat(q[at]).isCloseTo(w[at], within(1.5f));
    }
    for (float value : packed.base().toFloats()) {
      assertThat(Math.abs(value)).isLessThan(6);
    }
  }

  @Test
  void neitherHalfStepRaisesTheError() {
    float[] w = GptqCases.gaussians(ROWS * N, 7);
    double[] h = QuantEaseCases.mixedHessian(N, 256, 8);
    double last = Double.POSITIVE_INFINITY;
    for (int sweeps : new int[] {1, 2, 4, 8, 16}) {
      QuantEaseOptions few =
          new QuantEaseOptions(
              Start.RTN,
              sweeps,
              0,
              false,
              true,
              true,
              16,
              0,
              RoundingOptions.DEFAULT,
              0.02,
              Structure.NONE,
              1);
      double error = run(w, h, "int3:channel", few).solution.error();
      assertThat(error).isLessThanOrEqualTo(last);
      last = error;
    }
  }

  @Test
  void choicesAreTheLargestAndTiesGoByIndex() {
    float[] values = {0, -3, 2, 3, 0, 1, -2, 1e-30f};
    assertThat(LargestValues.mark(values, 3))
        .containsExactly(false, true, true, true, false, false, false, false);
    assertThat(LargestValues.mark(values, 99))
        .containsExactly(false, true, true, true, false, true, true, true);
    assertThat(LargestValues.mark(values, 0)).containsOnly(false);
    float[] many = GptqCases.gaussians(5000, 9);
    boolean[] marked = LargestValues.mark(many, 123);
    float[] sorted = many.clone();
    for (int i = 0; i < sorted.length; i++) {
      sorted[i] = Math.abs(sorted[i]);
    }
    Arrays.sort(sorted);
    for (int i = 0; i < many.length; i++) {
      assertThat(marked[i]).isEqualTo(Math.abs(many[i]) >= sorted[5000 - 123]);
    }
  }

  @Test
  void gridsLeaveOutTheLargestAndSmallestOfARow() {
    float[] w = new float[200];
    for (int i = 0; i < w.length; i++) {
      w[i] = i % 100 - 49.5f;
    }
    OutlierChoice choice = new OutlierChoice(2, 100, 0.04, Structure.NONE);
    float[] fitted = choice.fitted(w, new boolean[200]);
    assertThat(fitted[0]).isZero();
    assertThat(fitted[1]).isZero();
    assertThat(fitted[2]).isEqualTo(-47.5f);
    assertThat(fitted[97]).isEqualTo(47.5f);
    assertThat(fitted[98]).isZero();
  }
}
