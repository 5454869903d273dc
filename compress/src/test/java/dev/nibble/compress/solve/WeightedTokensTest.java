package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

/** Sheet 32, acceptance 3: what is weighted up is reconstructed better. */
class WeightedTokensTest {
  private static final int IN = 16;
  private static final int OUT = 64;
  private static final int TOKENS = 4 * IN;

  @Test
  void theWeightedErrorIsLowerThanWithoutWeights() {
    int better = 0;
    try (Workers workers = new Workers(1)) {
      for (int layer = 0; layer < 100; layer++) {
        SplittableRandom random = new SplittableRandom(layer);
        float[] w = gaussians(random, OUT * IN);
        float[] x = correlated(random);
        float[] r = new float[TOKENS];
        for (int t = 0; t < TOKENS; t++) {
          r[t] = random.nextInt(8) == 0 ? 6f : 0.2f;
        }
        float[] ones = new float[TOKENS];
        Arrays.fill(ones, 1f);
        double weighted = error(w, solved(w, x, r, workers), x, r, workers);
        double plain = error(w, solved(w, x, ones, workers), x, r, workers);
        better += weighted < plain ? 1 : 0;
      }
    }
    assertThat(better).isGreaterThanOrEqualTo(95);
  }

  private static float[] solved(float[] w, float[] x, float[] r, Workers workers) {
    QuantSpec spec = QuantSpec.parse("int3:channel");
    return Torch.scope(
        () -> {
          Tensor hessian = hessian(x, r).to(ScalarType.Double);
          Curvature curvature = Curvature.of(hessian, 0.01, false, workers).orElseThrow();
          return Gptq.solve(w, curvature, spec, GptqOptions.DEFAULT, workers)
              .pack(OUT, IN, spec)
              .toFloats();
        });
  }

  private static double error(float[] w, float[] q, float[] x, float[] r, Workers workers) {
    return Torch.scope(() -> Objective.error(w, q, hessian(x, r), workers));
  }

  private static Tensor hessian(float[] x, float[] r) {
    return Hessian.product(Torch.fromFloats(x, 1, TOKENS, IN), r);
  }

  private static float[] correlated(SplittableRandom random) {
    float[] mix = gaussians(random, IN * IN);
    float[] raw = gaussians(random, TOKENS * IN);
    float[] out = new float[TOKENS * IN];
    for (int t = 0; t < TOKENS; t++) {
      for (int i = 0; i < IN; i++) {
        for (int j = 0; j < IN; j++) {
          out[t * IN + i] += raw[t * IN + j] * (mix[j * IN + i] + (i == j ? 2 : 0));
        }
      }
    }
    return out;
  }

  private static float[] gaussians(SplittableRandom random, int n) {
    float[] out = new float[n];
    for (int i = 0; i < n; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }
}
