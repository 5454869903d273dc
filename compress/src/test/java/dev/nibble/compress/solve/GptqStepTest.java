package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class GptqStepTest extends GptqContract {
  private static final ModelConfig CONFIG = TinyModels.llama(64, 32, 48, 1);
  private static final int[][] TOKENS = BlockRun.randomTokens(4, 40, 64, 3);

  private static BlockRun run(String yaml, Consumer<Block> fault) {
    var step = Recipe.parse("steps: [ { gptq: " + yaml + " } ]", "test").steps().getFirst().step();
    return BlockRun.of(InMemoryWeights.random(CONFIG, 0.2, 5), List.of(step), TOKENS, 2, fault);
  }

  @Test
  void beatsRoundingOnMostSites() {
    BlockRun run = run("{ spec: int3:channel }", block -> {});
    assertThat(run.events().solved().values())
        .filteredOn(s -> s.relativeError() < 0.9 * s.rtnRelativeError())
        .hasSizeGreaterThanOrEqualTo(5);
  }

  @Test
  void headIsSolvedAndEmbeddingRoundedWhenAsked() {
    BlockRun run = run("{ spec: int4:g16, head: int4:g16, embedding: int8:channel }", block -> {});
    assertThat(run.packed()).containsKeys(TensorNames.HEAD, TensorNames.EMBEDDING);
    var head = run.events().solved().get(TensorNames.HEAD);
    assertThat(head.relativeError()).isLessThan(head.rtnRelativeError());
  }

  @Test
  void anEmbeddingThatIsTheHeadIsSolvedForTheHeadsInputs() {
    ModelConfig tied = TinyFamilies.families().get("qwen3");
    var step =
        Recipe.parse("steps: [ { gptq: { spec: int4:channel, embedding: int3:channel } } ]", "test")
            .steps()
            .getFirst()
            .step();
    BlockRun run =
        BlockRun.of(
            TinyFamilies.weights(tied, 3), List.of(step), TinyFamilies.tokens(tied, 4, 40, 5), 2);
    var embedding = run.events().solved().get(TensorNames.EMBEDDING);
    assertThat(embedding.relativeError()).isLessThan(0.9 * embedding.rtnRelativeError());
    assertThat(run.packed().get(TensorNames.EMBEDDING).toFloats())
        .isEqualTo(run.parameters().get(TensorNames.EMBEDDING));
  }

  @Test
  void deadInputsAreNamedAndTheirWeightsZero() {
    BlockRun run =
        run(
            "{ spec: int4:channel }",
            block -> {
              if (block.name().equals(TensorNames.layer(0))) {
                set(block, TensorNames.layer(0, TensorNames.INPUT_NORM) + ".weight", 6, 0f);
              }
            });
    assertThat(run.events().sites("gptq.dead-inputs"))
        .containsExactly(TensorNames.layer(0, TensorNames.Q));
    float[] q = run.parameters().get(TensorNames.layer(0, TensorNames.Q));
    for (int row = 0; row < 32; row++) {
      assertThat(q[row * 32 + 6]).isZero();
    }
  }

  @Test
  void inputsThatAreAllZeroFallBackToRounding() {
    BlockRun run = run("{ spec: int4:channel }", GptqStepTest::killFirstNorm);
    assertThat(run.events().sites("gptq.fallback"))
        .containsExactly(
            TensorNames.layer(0, TensorNames.Q),
            TensorNames.layer(0, TensorNames.K),
            TensorNames.layer(0, TensorNames.V),
            TensorNames.layer(0, TensorNames.O));
    assertThat(run.packed()).hasSize(7);
    assertThatThrownBy(
            () -> run("{ spec: int4:channel, fallback: fail }", GptqStepTest::killFirstNorm))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining(TensorNames.layer(0, TensorNames.Q))
        .hasMessageContaining("fallback: rtn");
  }

  private static void killFirstNorm(Block block) {
    if (block.name().equals(TensorNames.layer(0))) {
      for (int c = 0; c < 32; c++) {
        set(block, TensorNames.layer(0, TensorNames.INPUT_NORM) + ".weight", c, 0f);
      }
    }
  }

  @Test
  void nonFiniteInputsAreLeftOutAndNamed() {
    String norm = TensorNames.layer(0, TensorNames.POST_NORM) + ".weight";
    BlockRun run =
        run(
            "{ spec: int4:channel, targets: [ up_proj ] }",
            block -> {
              if (block.name().equals(TensorNames.layer(0))) {
                set(block, norm, 0, Float.NaN);
              }
            });
    assertThat(run.events().sites("calibration.non-finite"))
        .hasSize(TOKENS.length)
        .containsOnly(TensorNames.layer(0, TensorNames.GATE));
    assertThat(run.events().sites("gptq.fallback"))
        .containsExactly(TensorNames.layer(0, TensorNames.UP));
  }

  @Test
  void tablesAreRefusedWithARemedy() {
    assertThatThrownBy(() -> run("{ spec: nf4:g64 }", block -> {}))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("steps[0].gptq")
        .hasMessageContaining("rtn");
  }

  @Test
  void workersOfAnyNumberGiveTheSameFactor() {
    float[] w = GptqCases.gaussians(8 * 300, 1);
    byte[][] codes = new byte[2][];
    for (int threads = 1; threads <= 2; threads++) {
      try (Workers workers = new Workers(threads)) {
        codes[threads - 1] =
            GptqCases.solve(w, GptqCases.correlatedHessian(300, 900, 2), "int3:g128", workers);
      }
    }
    assertThat(codes[1]).isEqualTo(codes[0]);
  }
}
