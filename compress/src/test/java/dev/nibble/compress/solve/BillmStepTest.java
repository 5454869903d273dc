package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.testing.BundledModel;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.BinaryTensor;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class BillmStepTest {
  private static final ModelConfig CONFIG = TinyModels.llama(64, 40, 72, 2);
  private static final int[][] TOKENS = BlockRun.randomTokens(6, 24, 64, 11);

  private static Step step(String options) {
    return Recipe.parse("steps: [ { billm: " + options + " } ]", "test").steps().getFirst().step();
  }

  private static BlockRun run(String options, int threads, Consumer<Block> fault) {
    return BlockRun.of(
        InMemoryWeights.random(CONFIG, 0.1, 5), List.of(step(options)), TOKENS, threads, fault);
  }

  @Test
  void everySiteIsStoredAsPlannedAndNotWorseThanWithoutCompensation() {
    Step step = step("{ block_size: 32 }");
    BlockRun run = run("{ block_size: 32 }", 2, block -> {});
    assertThat(run.packed()).hasSize(14);
    run.packed()
        .forEach(
            (name, packed) -> {
              long[] shape = packed.shape();
              Site site = new Site(name, Site.Kind.LINEAR, (int) shape[0], (int) shape[1]);
              var planned = step.stores(site, new Allocation()).orElseThrow();
              assertThat(packed.byteSize()).isEqualTo(planned.sized(shape).byteSize());
              assertThat(packed.typeName()).isEqualTo("residual-binary:g32:mean");
              assertThat(packed.toFloats()).isEqualTo(run.parameters().get(name));
              var solved = run.events().solved().get(name);
              assertThat(solved.relativeError()).isBetween(0.0, solved.rtnRelativeError());
              assertThat(solved.spec()).startsWith("residual-binary:g32:mean, 1.");
            });
  }

  @Test
  void bitsDoNotDependOnThreads() {
    BlockRun one = run("{ block_size: 32 }", 1, block -> {});
    BlockRun three = run("{ block_size: 32 }", 3, block -> {});
    one.parameters().forEach((site, w) -> assertThat(three.parameters().get(site)).isEqualTo(w));
  }

  @Test
  void deadInputsDoNoHarmAndInputsThatAreAllZeroFallBack() {
    String norm = TensorNames.layer(1, TensorNames.INPUT_NORM) + ".weight";
    BlockRun run =
        run(
            "{}",
            2,
            block -> {
              if (block.name().equals(TensorNames.layer(1))) {
                for (int c = 0; c < 40; c++) {
                  SolverContract.set(block, norm, c, 0f);
                }
              }
            });
    assertThat(run.events().sites("billm.fallback"))
        .contains(TensorNames.layer(1, TensorNames.Q), TensorNames.layer(1, TensorNames.V));
    run.packed()
        .values()
        .forEach(
            packed -> {
              assertThat(packed).isInstanceOf(BinaryTensor.class);
              for (float value : packed.toFloats()) {
                assertThat(value).isFinite();
              }
            });
  }

  @Test
  void nanIsRefusedByName() {
    String down = TensorNames.layer(1, TensorNames.DOWN) + ".weight";
    assertThatThrownBy(
            () ->
                run(
                    "{}",
                    2,
                    block -> {
                      if (block.name().equals(TensorNames.layer(1))) {
                        SolverContract.set(block, down, 72 * 5 + 7, Float.NaN);
                      }
                    }))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining(down);
  }

  @Test
  void otherFormsAreRefusedWithARemedy() {
    assertThatThrownBy(() -> step("{ per_module: { down_proj: int4 } }"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("steps[0].billm: billm stores every weight in its own binary form")
        .hasMessageContaining("gptq or rtn");
    assertThatThrownBy(() -> step("{ scale: e4m3 }")).hasMessageContaining("fp16, bf16 or fp32");
  }

  @Test
  void beatsOneBitRoundingAndOneBitGptqOnATrainedModel() {
    try (BundledModel model = new BundledModel()) {
      double billm = model.divergence(model.run("billm: {}"));
      assertThat(billm)
          .isLessThan(model.divergence(model.run("rtn: { spec: 'binary:channel' }")))
          .isLessThan(model.divergence(model.run("gptq: { spec: 'int1:g128:asym' }")));
    }
  }
}
