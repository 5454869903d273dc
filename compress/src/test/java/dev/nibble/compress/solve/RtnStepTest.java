package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.BlockRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.rounding.AffineGrid;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.TableTensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class RtnStepTest extends SolverContract {
  private static final ModelConfig CONFIG = TinyModels.llama(64, 32, 48, 1);

  @Override
  protected String step() {
    return "rtn";
  }

  @Override
  protected byte[] solveAgain(AffineTensor solved, QuantSpec spec) {
    float[] w = solved.toFloats();
    byte[] out = new byte[w.length];
    for (int i = 0; i < w.length; i++) {
      int row = i / solved.columns();
      int group = solved.groupOf(i % solved.columns());
      AffineGrid grid =
          new AffineGrid(
              solved.scale(row, group), solved.zero(row, group), 0, (1 << spec.bits()) - 1);
      out[i] = (byte) grid.code(w[i]);
    }
    return out;
  }

  private static Step step(String yaml) {
    return Recipe.parse("steps: [ { rtn: " + yaml + " } ]", "test").steps().getFirst().step();
  }

  private static BlockRun run(String yaml) {
    return BlockRun.of(
        InMemoryWeights.random(CONFIG, 0.1, 5), List.of(step(yaml)), new int[][] {{1, 2, 3}}, 2);
  }

  @Test
  void targetsIgnoreAndOverridesChooseSites() {
    BlockRun run =
        run(
            "{ spec: int4:channel, targets: [ 'mlp\\.', k_proj ], ignore: gate_proj,"
                + " per_module: { 'down': nf4:g16, 'up_proj$': none }, embedding: int8:channel }");
    assertThat(run.packed().keySet())
        .containsExactly(
            "model.embed_tokens",
            "model.layers.0.self_attn.k_proj",
            "model.layers.0.mlp.down_proj");
    assertThat(run.packed().get("model.layers.0.mlp.down_proj")).isInstanceOf(TableTensor.class);
    assertThat(run.events().solved().get("model.embed_tokens").relativeError())
        .isPositive()
        .isLessThan(1e-3);
  }

  @Test
  void errorFallsWithBitsAndWithSmallerGroups() {
    double last = Double.POSITIVE_INFINITY;
    for (String spec :
        List.of("int2:channel", "int3:channel", "int4:channel", "int4:g16", "int8:g16:asym")) {
      double sum =
          run("{ spec: '" + spec + "' }").events().solved().values().stream()
              .mapToDouble(s -> s.relativeError())
              .sum();
      assertThat(sum).as(spec).isLessThan(last);
      last = sum;
    }
  }

  @Test
  void clipSearchChangesTheGrid() {
    String site = "model.layers.0.mlp.down_proj";
    assertThat(run("{ spec: int2:channel, clip: mse }").events().solved().get(site).relativeError())
        .isLessThan(run("{ spec: int2:channel }").events().solved().get(site).relativeError());
  }

  @Test
  void wrongOptionsAreNamed() {
    refused("{ spec: int44 }", "rtn.spec", "int44");
    refused("{ spec: int4:g32, grid: sym-full }", "rtn.grid", "sym-full");
    refused("{ spec: int4, targets: '[' }", "rtn.targets", "regular expression");
    refused("{ spec: int4, per_module: { down: int99 } }", "per_module.down", "int99");
    refused("{ spec: int4, clip: some }", "rtn.clip", "none, mse");
  }

  @Test
  void aSpecMustComeFromSomewhere() {
    assertThatThrownBy(() -> run("{}"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("rtn.spec: is missing")
        .hasMessageContaining("allocate");
  }

  private static void refused(String yaml, String... parts) {
    assertThatThrownBy(() -> step(yaml))
        .isInstanceOf(NibbleException.class)
        .satisfies(
            e -> {
              for (String part : parts) {
                assertThat(e.getMessage()).contains(part);
              }
            });
  }

  @Test
  void objectsToPatternsThatMatchNothingAndToATiedHeadOfItsOwn() {
    assertThat(step("{ spec: int4, ignore: [ layer.7 ] }").objections(CONFIG))
        .singleElement()
        .asString()
        .contains("layer.7", "model.layers.0.self_attn.o_proj");
    assertThat(step("{ spec: int4, targets: [ q_proj ], head: int8 }").objections(CONFIG))
        .isEmpty();
  }
}
