package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The acceptance list of sheet 48 without outliers, on matrices. */
class QuantEaseTest {

  private static AffineTensor rtn(float[] w, int n, String spec) {
    return (AffineTensor)
        RoundToNearest.quantize(
            w, new long[] {w.length / n, n}, QuantSpec.parse(spec), RoundingOptions.DEFAULT);
  }

  private static AffineTensor gptq(float[] w, double[] h, int n, String spec, boolean actOrder) {
    return GptqCases.withHessian(
        h,
        (hessian, workers) -> {
          QuantSpec parsed = QuantSpec.parse(spec);
          Curvature curvature = Curvature.of(hessian, 0.01, actOrder, workers).orElseThrow();
          return Gptq.solve(w, curvature, parsed, GptqOptions.DEFAULT, workers)
              .pack(w.length / n, n, parsed);
        });
  }

  @Test
  void noUpdateOfAColumnRaisesTheObjective() {
    int n = 24;
    QuantSpec spec = QuantSpec.parse("int3:channel");
    for (int problem = 0; problem < 50; problem++) {
      float[] w = GptqCases.gaussians(8 * n, problem);
      double[] h = GptqCases.correlatedHessian(n, 60, 100 + problem);
      AffineTensor start =
          problem % 2 == 0 ? rtn(w, n, "int3:channel") : gptq(w, h, n, "int3:channel", true);
      WeightGrids grids = WeightGrids.of(start, spec, RoundingOptions.DEFAULT);
      GptqCases.withHessian(
          h,
          (hessian, workers) -> {
            try (DescentMatrix descent = new DescentMatrix(hessian, false, 0, 1);
                DescentBand band =
                    new DescentBand(descent, grids, w, start.toFloats(), true, 0, 8)) {
              double[] last = errors(band, w, h, n);
              for (int step = 0; step < 3 * n; step++) {
                band.block(step % n, step % n + 1, true);
                double[] now = errors(band, w, h, n);
                for (int r = 0; r < 8; r++) {
                  assertThat(now[r]).isLessThanOrEqualTo(last[r] * (1 + 1e-12));
                  assertThat(band.error(r)).isCloseTo(now[r], within(1e-9 * now[r]));
                }
                last = now;
              }
              return null;
            }
          });
    }
  }

  private static double[] errors(DescentBand band, float[] w, double[] h, int n) {
    double[] out = new double[band.rows()];
    for (int r = 0; r < out.length; r++) {
      for (int i = 0; i < n; i++) {
        double di = band.values(r)[i] - w[r * n + i];
        for (int j = 0; j < n; j++) {
          out[r] += di * h[i * n + j] * (band.values(r)[j] - w[r * n + j]);
        }
      }
    }
    return out;
  }

  @Test
  void noSingleWeightOfAFixedPointCanBeBetter() {
    int n = 16;
    QuantSpec spec = QuantSpec.parse("int3:channel");
    for (int problem = 0; problem < 10; problem++) {
      float[] w = GptqCases.gaussians(8 * n, 7 + problem);
      double[] h = GptqCases.correlatedHessian(n, 40, 70 + problem);
      AffineTensor start = rtn(w, n, "int3:channel");
      float[] q =
          QuantEaseCases.refine(
              start, w, h, "int3:channel", QuantEaseCases.options(1000, 0, false, 16));
      WeightGrids grids = WeightGrids.of(start, spec, RoundingOptions.DEFAULT);
      double least = GptqCases.error(w, q, h, n);
      for (int i = 0; i < q.length; i++) {
        float kept = q[i];
        AffineGrid grid = grids.of(i / n, i % n);
        for (int code = 0; code < 8; code++) {
          q[i] = grid.value(code);
          assertThat(GptqCases.error(w, q, h, n)).isGreaterThanOrEqualTo(least * (1 - 1e-12));
        }
        q[i] = kept;
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"int2:channel", "int3:g32", "int4:channel:sym", "int8:g40", "int4:tensor"})
  void diagonalHessianGivesRoundingInOneSweep(String spec) {
    int n = 80;
    float[] w = GptqCases.gaussians(24 * n, 3);
    double[] h = new double[n * n];
    for (int j = 0; j < n; j++) {
      h[j * n + j] = 1 + j % 7;
    }
    float[] q = QuantEaseCases.solve(w, h, spec, QuantEaseCases.options(1, 0, false, 16));
    assertThat(q).isEqualTo(rtn(w, n, spec).toFloats());
  }

  @Test
  void valuesEqualThoseOfAPlainImplementation() {
    int n = 48;
    float[] w = GptqCases.gaussians(20 * n, 11);
    double[] h = GptqCases.correlatedHessian(n, 200, 12);
    for (String spec : new String[] {"int3:channel", "int2:g16", "int4:channel:sym"}) {
      WeightGrids grids =
          WeightGrids.of(rtn(w, n, spec), QuantSpec.parse(spec), RoundingOptions.DEFAULT);
      float[] ours = QuantEaseCases.solve(w, h, spec, QuantEaseCases.options(30, 3, false, 16));
      assertThat(ours).isEqualTo(PlainQuantEase.solve(w, h, n, grids, 30, 3));
    }
  }

  @Test
  void beatsGptqInEveryDrawOfMixedInputs() {
    int n = 64;
    int draws = 20;
    String spec = "int3:channel";
    double[] ratio = new double[4];
    for (int draw = 0; draw < draws; draw++) {
      float[] w = GptqCases.gaussians(64 * n, 1000 + draw);
      double[] h = QuantEaseCases.mixedHessian(n, 256, 2000 + draw);
      AffineTensor gptq = gptq(w, h, n, spec, false);
      float[] refined =
          QuantEaseCases.refine(gptq, w, h, spec, QuantEaseCases.options(5, 3, false, 64));
      double[] error = {
        GptqCases.error(w, gptq.toFloats(), h, n),
        error(w, h, spec, QuantEaseCases.options(30, 0, false, 64)),
        error(w, h, spec, QuantEaseCases.options(30, 3, false, 64)),
        GptqCases.error(w, refined, h, n)
      };
      assertThat(error[2]).as("draw %d", draw).isLessThan(error[0]);
      assertThat(error[3]).as("draw %d, from GPTQ", draw).isLessThan(error[0]);
      double rtn = GptqCases.error(w, rtn(w, n, spec).toFloats(), h, n);
      for (int i = 0; i < ratio.length; i++) {
        ratio[i] += error[i] / rtn / draws;
      }
    }
    assertThat(ratio[2]).as("relaxed").isLessThan(0.95 * ratio[1]);
    assertThat(ratio[1]).as("not relaxed").isLessThan(ratio[0]);
    assertThat(ratio[0]).as("GPTQ").isLessThan(0.6);
  }

  private static double error(float[] w, double[] h, String spec, QuantEaseOptions options) {
    int n = (int) Math.sqrt(h.length);
    return GptqCases.error(w, QuantEaseCases.solve(w, h, spec, options), h, n);
  }

  @ParameterizedTest
  @CsvSource({"int3:channel, true", "int3:g24, false", "int2:g50, true"})
  void blocksGiveWhatSingleColumnsGive(String spec, boolean actOrder) {
    int n = 150;
    float[] w = GptqCases.gaussians(70 * n, 4);
    double[] h = GptqCases.correlatedHessian(n, 400, 5);
    GptqCases.kill(h, n, 17);
    double single = error(w, h, spec, QuantEaseCases.options(12, 3, actOrder, 1));
    float[] one = QuantEaseCases.solve(w, h, spec, QuantEaseCases.options(12, 3, actOrder, 1));
    for (int block : new int[] {7, 64, 500}) {
      QuantEaseOptions options = QuantEaseCases.options(12, 3, actOrder, block);
      float[] blocked = QuantEaseCases.solve(w, h, spec, options);
      int differing = 0;
      for (int i = 0; i < one.length; i++) {
        differing += Math.abs(blocked[i] - one[i]) > 1e-5 ? 1 : 0;
      }
      assertThat(differing).as("block %d", block).isZero();
      assertThat(error(w, h, spec, options)).isCloseTo(single, within(1e-5 * single));
    }
  }

  @Test
  void deadColumnsZeroRowsAndSingularHessiansAreFine() {
    int n = 60;
    float[] w = GptqCases.gaussians(16 * n, 8);
    for (int c = 0; c < n; c++) {
      w[3 * n + c] = 0;
    }
    double[] h = GptqCases.correlatedHessian(n, 20, 9);
    GptqCases.kill(h, n, 0);
    GptqCases.kill(h, n, 31);
    float[] q = QuantEaseCases.solve(w, h, "int3:g32", QuantEaseCases.options(30, 3, false, 64));
    float[] rounded = rtn(w, n, "int3:g32").toFloats();
    for (int row = 0; row < 16; row++) {
      assertThat(q[row * n]).isEqualTo(rounded[row * n]);
      assertThat(q[row * n + 31]).isEqualTo(rounded[row * n + 31]);
    }
    for (int c = 0; c < n; c++) {
      assertThat(q[3 * n + c]).isZero();
    }
    assertThat(GptqCases.error(w, q, h, n)).isLessThan(0.5 * GptqCases.error(w, rounded, h, n));
    float[] allDead =
        QuantEaseCases.solve(
            w, new double[n * n], "int3:g32", QuantEaseCases.options(3, 0, false, 64));
    assertThat(allDead).isEqualTo(rounded);
  }

  @Test
  void relaxedSweepsAreThoseOfThePaper() {
    QuantEaseOptions options = QuantEaseCases.options(30, 3, false, 64);
    for (int sweep = 0; sweep < 30; sweep++) {
      assertThat(options.relaxed(sweep)).isEqualTo(sweep % 3 == 1 && sweep <= 25);
    }
    assertThat(options.relaxesAfter(24)).isTrue();
    assertThat(options.relaxesAfter(25)).isFalse();
    assertThat(QuantEaseCases.options(5, 3, false, 64).relaxed(4)).isFalse();
  }
}
