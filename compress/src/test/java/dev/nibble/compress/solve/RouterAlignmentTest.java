package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.testing.TinyExperts;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.models.Torch;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RouterAlignmentTest {
  private static final int EXPERTS = 8;
  private static final int WIDTH = 48;
  private static final int TOKENS = 600;
  private static final MoeConfig MOE = TinyExperts.moe(EXPERTS, 2);
  private static final int[][] TEXT = BlockRun.randomTokens(6, 24, 61, 4);

  private static float[] random(int count, long seed, double tails) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      double x = random.nextGaussian();
      out[i] = (float) (random.nextInt(24) == 0 ? tails * x : x);
    }
    return out;
  }

  private static RouterOptions options(QuantSpec spec, RouterOptions.Loss loss) {
    return new RouterOptions(spec, loss, 0.35, 101, 4096, 0);
  }

  @Test
  void divergenceIsZeroForTheSameRouterAndTheSumOverTheTopForAnother() {
    float[] w = random(EXPERTS * WIDTH, 1, 1);
    Torch.run(
        () -> {
          Tensor x = Torch.fromFloats(random(5 * WIDTH, 2, 1), 5, WIDTH);
          Tensor weight = Torch.fromFloats(w, EXPERTS, WIDTH);
          float[] other = w.clone();
          other[3] += 0.5f;
          other[WIDTH + 7] -= 0.25f;
          Tensor changed = Torch.fromFloats(other, EXPERTS, WIDTH);
          for (double share : new double[] {0, 0.5, 1}) {
            try (RouterLoss loss = new RouterLoss(x, weight, MOE, share)) {
              assertThat(loss.klTop(weight)).isZero();
              assertThat(loss.agreement(weight)).isEqualTo(1);
              assertThat(loss.klTop(changed))
                  .isCloseTo(plain(Torch.toFloats(x), w, other, share), offset(1e-6));
            }
          }
        });
  }

  /** KL-Top by loops. */
  private static double plain(float[] x, float[] w, float[] other, double share) {
    int m = 2 + (int) (share * (EXPERTS - 2));
    double sum = 0;
    for (int t = 0; t < 5; t++) {
      double[] a = logits(x, t, w);
      double[] b = logits(x, t, other);
      Integer[] order = {0, 1, 2, 3, 4, 5, 6, 7};
      java.util.Arrays.sort(order, (i, j) -> Double.compare(a[j], a[i]));
      for (int i = 0; i < m; i++) {
        double p = a[order[i]] - logSum(a);
        double q = b[order[i]] - logSum(b);
        sum += Math.exp(p) * (p - q);
      }
    }
    return sum / 5;
  }

  private static double[] logits(float[] x, int token, float[] w) {
    double[] out = new double[EXPERTS];
    for (int e = 0; e < EXPERTS; e++) {
      for (int c = 0; c < WIDTH; c++) {
        out[e] += (double) x[token * WIDTH + c] * w[e * WIDTH + c];
      }
    }
    return out;
  }

  private static double logSum(double[] logits) {
    return Math.log(java.util.Arrays.stream(logits).map(Math::exp).sum());
  }

  /**
   * The chosen clip ratio is not worse than none. Where large weights meet small inputs, as behind
   * a norm, it keeps more tokens with their experts.
   */
  @Test
  void fourBitRoutersKeepTheirExpertsMoreOftenThanMinMaxOnes() {
    QuantSpec four = QuantSpec.parse("int4:channel:asym");
    double aligned = 0;
    double minMax = 0;
    for (int seed = 0; seed < 12; seed++) {
      float[] w = random(EXPERTS * WIDTH, 10 + seed, 1);
      float[] inputs = random(TOKENS * WIDTH, 99 + seed, 1);
      for (int i = 0; i < inputs.length; i++) {
        inputs[i] *= i % WIDTH < 4 ? 0.02f : 0.3f;
      }
      for (int i = 0; i < w.length; i++) {
        w[i] *= i % WIDTH < 4 ? 5 : 1;
      }
      RouterRounding rounding = new RouterRounding(w, EXPERTS, WIDTH, four);
      double[] found = new double[2];
      Torch.run(
          () -> {
            Tensor x = Torch.fromFloats(inputs, TOKENS, WIDTH);
            Tensor weight = Torch.fromFloats(w, EXPERTS, WIDTH);
            try (RouterLoss loss = new RouterLoss(x, weight, MOE, 0)) {
              double best = Double.POSITIVE_INFINITY;
              for (double ratio : options(four, RouterOptions.Loss.KL_TOP0).ratios()) {
                Tensor q = Torch.fromPacked(rounding.at(ratio), ScalarType.Float);
                if (loss.klTop(q) < best) {
                  best = loss.klTop(q);
                  found[0] = loss.agreement(q);
                }
              }
              Tensor whole = Torch.fromPacked(rounding.at(1), ScalarType.Float);
              assertThat(best).isLessThanOrEqualTo(loss.klTop(whole));
              found[1] = loss.agreement(whole);
            }
          });
      aligned += found[0];
      minMax += found[1];
    }
    assertThat(aligned).isGreaterThan(minMax + 0.2); // of 12
  }

  @ParameterizedTest
  @EnumSource(RouterOptions.Loss.class)
  void everyLossStoresTheRoutersAsPlanned(RouterOptions.Loss loss) {
    QuantSpec spec = QuantSpec.parse("int4:channel:asym");
    Step step = new RouterAlignment(options(spec, loss));
    InMemoryWeights weights = TinyExperts.weights(TinyExperts.config(6, 2), 3);
    BlockRun one = BlockRun.of(weights, List.of(step), TEXT, 1);
    BlockRun three = BlockRun.of(weights, List.of(step), TEXT, 3);
    assertThat(one.packed().keySet())
        .containsExactly("model.layers.0.mlp.router", "model.layers.1.mlp.router");
    one.packed()
        .forEach(
            (site, packed) -> {
              assertThat(((AffineTensor) packed).bits()).isEqualTo(4);
              assertThat(packed.toFloats())
                  .isEqualTo(one.parameters().get(site))
                  .isEqualTo(three.parameters().get(site));
            });
    assertThat(one.events().recorded()).isEqualTo(three.events().recorded());
    assertThat(one.events().of("router_alignment.choice")).hasSize(2);
  }

  @Test
  void oneExpertAndAllExpertsAreRouted() {
    for (MoeConfig moe : List.of(TinyExperts.moe(1, 1), TinyExperts.moe(3, 3))) {
      ModelConfig config = TinyFamilies.llama().withMoe(moe);
      Step step = new RouterAlignment(RouterOptions.DEFAULT);
      BlockRun run = BlockRun.of(TinyExperts.weights(config, 3), List.of(step), TEXT, 1);
      assertThat(run.packed()).hasSize(2);
    }
  }

  @Test
  void modelsWithoutExpertsAndRoutersWithNanAreRefused() {
    Step step = new RouterAlignment(RouterOptions.DEFAULT);
    assertThat(step.objections(TinyFamilies.llama())).singleElement().asString().contains("router");
    InMemoryWeights weights = TinyExperts.weights(TinyExperts.config(4, 2), 3);
    assertThatThrownBy(
            () ->
                BlockRun.of(
                    weights,
                    List.of(step),
                    TEXT,
                    1,
                    block -> {
                      if (block.name().equals(TensorNames.layer(1))) {
                        SolverContract.set(
                            block,
                            TensorNames.layer(1, TensorNames.ROUTER) + ".weight",
                            5,
                            Float.NaN);
                      }
                    }))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("mlp.router");
  }
}
