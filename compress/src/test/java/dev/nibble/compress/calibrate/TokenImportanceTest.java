package dev.nibble.compress.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.BlockRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.block.Batches;
import dev.nibble.compress.recipe.StepRegistry;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The acceptance list of sheet 32, for the step token_importance. */
class TokenImportanceTest {
  private static final ModelConfig CONFIG = TinyFamilies.llama();
  private static final int[][] TOKENS = TinyFamilies.tokens(CONFIG, 6, 20, 3);

  private static Step step(String name, String options) {
    try {
      return StepRegistry.load()
          .create(name, "test", (ObjectNode) new ObjectMapper().readTree(options));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static BlockRun run(int[][] tokens, int threads, String... importance) {
    List<Step> steps = new ArrayList<>();
    for (String options : importance) {
      steps.add(step("token_importance", options));
    }
    steps.add(step("gptq", "{\"spec\": \"int3:channel\"}"));
    return BlockRun.of(TinyFamilies.weights(CONFIG, 4), steps, tokens, threads);
  }

  private static void assertSame(BlockRun a, BlockRun b) {
    a.parameters().forEach((site, w) -> assertThat(b.parameters().get(site)).as(site).isEqualTo(w));
  }

  /** Acceptance 1. */
  @ParameterizedTest
  @ValueSource(strings = {"{\"importance\": \"none\"}", "{\"min_value\": 1}"})
  void equalImportanceIsGptqBitForBit(String options) {
    assertSame(run(TOKENS, 2), run(TOKENS, 2, options));
  }

  /** Acceptance 2. */
  @Test
  void theOrderOfSequencesDoesNotMatter() {
    List<int[]> turned = new ArrayList<>(List.of(TOKENS));
    Collections.rotate(turned, 2);
    assertSame(run(TOKENS, 2, "{}"), run(turned.toArray(int[][]::new), 2, "{}"));
  }

  @ParameterizedTest
  @EnumSource
  void everyStrategyIsTheSameOnAnyNumberOfThreads(ImportanceOptions.Strategy strategy) {
    String options =
        "{\"importance\": \"" + strategy.name().toLowerCase(java.util.Locale.ROOT) + "\"}";
    BlockRun one = run(TOKENS, 1, options);
    assertSame(one, run(TOKENS, 3, options));
    if (strategy != ImportanceOptions.Strategy.NONE) {
      assertThat(one.parameters().values())
          .as("weights that matter")
          .usingRecursiveFieldByFieldElementComparator()
          .isNotEqualTo(run(TOKENS, 2).parameters().values());
    }
  }

  @Test
  void onePartOfTheBlockCanBeLeftAlone() {
    BlockRun plain = run(TOKENS, 2);
    BlockRun mlp = run(TOKENS, 2, "{\"apply_to\": \"mlp\"}");
    String q = TensorNames.layer(0, TensorNames.Q);
    String up = TensorNames.layer(0, TensorNames.UP);
    assertThat(mlp.parameters().get(q)).isEqualTo(plain.parameters().get(q));
    assertThat(mlp.parameters().get(up)).isNotEqualTo(plain.parameters().get(up));
  }

  /** Acceptance 6. */
  @Test
  void oneTokenAndDeadChannelsDoNoHarm() {
    int[][] single = {{1}, {2}, {3}};
    List<Step> steps =
        List.of(step("token_importance", "{}"), step("gptq", "{\"spec\": \"int3:channel\"}"));
    String norm = TensorNames.weight(TensorNames.layer(0, TensorNames.INPUT_NORM));
    for (int[][] tokens : List.of(single, TOKENS)) {
      BlockRun run =
          BlockRun.of(
              TinyFamilies.weights(CONFIG, 4),
              steps,
              tokens,
              2,
              block -> {
                if (block.name().equals(TensorNames.layer(0))) {
                  Torch.view(block.parameter(norm)).asSlice(0, 8).fill((byte) 0);
                }
              });
      run.parameters()
          .forEach(
              (site, w) -> {
                for (float v : w) {
                  assertThat(v).as(site).isFinite();
                }
              });
      float[] q = run.parameters().get(TensorNames.layer(0, TensorNames.Q));
      assertThat(q[0]).isZero();
      assertThat(q[1]).isZero();
    }
  }

  @Test
  void solvedWeightsAreRefused() {
    List<Step> steps =
        List.of(step("rtn", "{\"spec\": \"int3:channel\"}"), step("token_importance", "{}"));
    assertThatThrownBy(() -> BlockRun.of(TinyFamilies.weights(CONFIG, 4), steps, TOKENS, 1))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("q_proj is quantized already");
  }

  /**
   * Acceptance 5. The attention maps are found from outside: with an identity for o_proj the output
   * of a head is {@code A V}, so with as many tokens as channels {@code A = (A V) V⁻¹}.
   */
  @Test
  void attentionReceivedIsTheColumnSumOfTheMaps() {
    for (ModelConfig config :
        List.of(CONFIG, TinyFamilies.families().get("bloom"), windowed(CONFIG, 3))) {
      try (ResidentModel model = DecoderModel.open(TinyFamilies.weights(config, 9)).loadAll()) {
        Block block = model.blocks().get(1);
        double[][] expected = columnSums(block, config);
        float[] input = input(config);
        float[] found =
            Torch.scope(
                () ->
                    Torch.toFloats(
                        block.attentionReceived(
                            Torch.fromFloats(input, 1, config.headDim(), config.hiddenSize()))));
        double total = 0;
        for (int j = 0; j < found.length; j++) {
          assertThat((double) found[j]).isCloseTo(expected[0][j], within(2e-4));
          total += found[j];
        }
        assertThat(total).isCloseTo(config.heads() * config.headDim(), within(1e-3));
      }
    }
  }

  private static float[] input(ModelConfig config) {
    float[] out = new float[config.headDim() * config.hiddenSize()];
    java.util.Random random = new java.util.Random(5);
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  private static double[][] columnSums(Block block, ModelConfig config) {
    int d = config.headDim();
    int h = config.hiddenSize();
    String layer = block.name() + ".self_attn.";
    double[] sums = new double[d];
    Torch.run(
        () -> {
          Tensor held = block.parameter(layer + "o_proj.weight").clone();
          boolean biased = block.parameterNames().contains(layer + "o_proj.bias");
          Tensor bias = biased ? block.parameter(layer + "o_proj.bias").clone() : null;
          block.setParameter(layer + "o_proj.weight", torch.eye(h));
          if (biased) {
            block.setParameter(layer + "o_proj.bias", torch.zeros(h));
          }
          Tensor x = Torch.fromFloats(input(config), 1, d, h);
          Tensor[] normed = new Tensor[2];
          Torch.noGrad(
              () -> {
                block.forward(
                    x,
                    new BlockContext(
                        (site, seen) -> {
                          if (site.endsWith("v_proj")) {
                            normed[0] = Torch.keep(seen.clone());
                          }
                        }));
                return null;
              });
          Tensor out = block.forwardPart("self_attn", normed[0], BlockContext.PLAIN);
          Tensor weight = block.parameter(layer + "v_proj.weight");
          Tensor v = torch.matmul(normed[0], weight.t());
          if (block.parameterNames().contains(layer + "v_proj.bias")) {
            v = v.add(block.parameter(layer + "v_proj.bias"));
          }
          int repeat = config.heads() / config.kvHeads();
          for (int head = 0; head < config.heads(); head++) {
            Tensor mixed =
                out.reshape(d, h).narrow(1, (long) head * d, d).to(torch.ScalarType.Double);
            Tensor values =
                v.reshape(d, config.kvSize())
                    .narrow(1, (long) (head / repeat) * d, d)
                    .to(torch.ScalarType.Double);
            Tensor map = mixed.mm(torch.linalg_inv(values));
            double[] a = Torch.toDoubles(map.sum(0));
            for (int j = 0; j < d; j++) {
              sums[j] += a[j];
            }
          }
          normed[0].close();
          block.setParameter(layer + "o_proj.weight", held);
          if (biased) {
            block.setParameter(layer + "o_proj.bias", bias);
          }
        });
    return new double[][] {sums};
  }

  private static ModelConfig windowed(ModelConfig c, int window) {
    return new ModelConfig(
        c.family(),
        c.vocabSize(),
        c.hiddenSize(),
        c.layers(),
        c.heads(),
        c.kvHeads(),
        c.headDim(),
        c.ffnSize(),
        c.maxPositions(),
        c.norm(),
        c.normEps(),
        c.activation(),
        c.gated(),
        c.positions(),
        c.positionOffset(),
        c.rope(),
        c.residual(),
        c.attentionBias(),
        c.outputBias(),
        c.mlpBias(),
        c.qkNorm(),
        c.embeddingNorm(),
        c.finalNorm(),
        c.tiedHead(),
        c.headBias(),
        window,
        c.embeddingSize(),
        c.dtype(),
        c.bosId(),
        c.eosIds());
  }

  @Test
  void scoresAreWhatTheirNamesSay() {
    ModelWeights weights = TinyFamilies.weights(CONFIG, 4);
    int length = 8;
    int h = CONFIG.hiddenSize();
    float[] x = input(CONFIG);
    try (ResidentModel model = DecoderModel.open(weights).loadAll()) {
      Block block = model.blocks().get(1);
      double[] norms = scores(block, "actnorm", x, length);
      double[] distances = scores(block, "tokensim", x, length);
      for (int t = 0; t < length; t++) {
        double square = 0;
        double distance = 0;
        for (int i = 0; i < h; i++) {
          square += (double) x[t * h + i] * x[t * h + i];
          for (int u = 0; u < length; u++) {
            double d = x[t * h + i] - x[u * h + i];
            distance += d * d / length;
          }
        }
        assertThat(norms[t]).isCloseTo(Math.sqrt(square), within(1e-4));
        assertThat(distances[t]).isCloseTo(distance, within(1e-4));
      }
      assertThat(scores(block, "firstn", x, length)).containsExactly(1, 0, 0, 0, 0, 0, 0, 0);
      assertThat(scores(block, "firstlastn", x, length)).containsExactly(1, 0, 0, 0, 0, 0, 0, 1);
    }
    int[][] text = {{3, 3, 5, 3}, {5, 7, 3, 3}};
    TokenScores frequency =
        new TokenScores(
            ImportanceTest.options("{\"importance\": \"tokenfreq\"}"), new Batches(text, 1));
    double[][] found =
        Torch.scope(() -> frequency.of(null, 1, Torch.fromFloats(new float[4 * h], 1, 4, h)));
    assertThat(found[0]).containsExactly(-2, -1, -5, -5);
  }

  private static double[] scores(Block block, String strategy, float[] x, int length) {
    TokenScores scores =
        new TokenScores(
            ImportanceTest.options("{\"importance\": \"" + strategy + "\"}"), Batches.NONE);
    int h = CONFIG.hiddenSize();
    return Torch.scope(
        () -> scores.of(block, 0, Torch.fromFloats(Arrays.copyOf(x, length * h), 1, length, h))[0]);
  }
}
