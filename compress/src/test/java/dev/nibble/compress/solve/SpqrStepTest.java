package dev.nibble.compress.solve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.BlockRun;
import dev.nibble.compress.TinyModels;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.models.Block;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The solvers' contract for {@code spqr}, whose tensors have coded scales and outliers. */
class SpqrStepTest extends SpqrContract {
  private static final int[][] TOKENS = BlockRun.randomTokens(4, 40, 64, 3);

  @Override
  protected String storedText(QuantSpec spec) {
    return "columns(" + super.storedText(spec) + ")+sparse";
  }

  /** In place, without outliers, zero-points as codes: sizes are exact. */
  @Nested
  class InPlace extends SpqrContract {
    @Override
    protected ObjectNode options() {
      return super.options()
          .put("permutation_order", "identity")
          .put("outlier_share", 0)
          .put("round_zero", true);
    }
  }

  /** Most alike columns side by side, a searched share of outliers, scales as they are. */
  @Nested
  class Spearman extends SpqrContract {
    @Override
    protected ObjectNode options() {
      return super.options()
          .put("permutation_order", "spearman")
          .put("outlier_share", 0.02)
          .put("scale_bits", 16);
    }

    @Override
    protected String storedText(QuantSpec spec) {
      return "columns(" + spec.text() + ")+sparse";
    }
  }

  private static BlockRun run(String options, Consumer<Block> fault) {
    var step =
        Recipe.parse("steps: [ { spqr: " + options + " } ]", "test").steps().getFirst().step();
    return BlockRun.of(
        InMemoryWeights.random(TinyModels.llama(64, 32, 48, 1), 0.2, 5),
        List.of(step),
        TOKENS,
        2,
        fault);
  }

  @Test
  void plantedWeightsAreStoredApart() {
    String down = TensorNames.layer(0, TensorNames.DOWN);
    BlockRun run =
        run(
            "{ spec: int3:g16, outlier_share: 0.01 }",
            block -> {
              if (block.name().equals(TensorNames.layer(0))) {
                set(block, down + ".weight", 48 * 5 + 7, 9f);
                set(block, down + ".weight", 48 * 20 + 40, -8f);
              }
            });
    OutlierTensor stored = (OutlierTensor) run.packed().get(down);
    float[] w = stored.toFloats();
    assertThat(w[48 * 5 + 7]).isBetween(8.5f, 9.5f);
    assertThat(w[48 * 20 + 40]).isBetween(-8.5f, -7.5f);
    assertThat(run.events().sites("spqr.outliers")).contains(down);
    for (float value : stored.base().toFloats()) {
      assertThat(Math.abs(value)).isLessThan(2f);
    }
  }

  @Test
  void inputsThatAreAllZeroFallBackToRounding() {
    BlockRun run =
        run(
            "{ spec: int4:g16 }",
            block -> {
              if (block.name().equals(TensorNames.layer(0))) {
                for (int c = 0; c < 32; c++) {
                  set(block, TensorNames.layer(0, TensorNames.INPUT_NORM) + ".weight", c, 0f);
                }
              }
            });
    assertThat(run.events().sites("spqr.fallback"))
        .containsExactly(
            TensorNames.layer(0, TensorNames.Q),
            TensorNames.layer(0, TensorNames.K),
            TensorNames.layer(0, TensorNames.V),
            TensorNames.layer(0, TensorNames.O));
    assertThat(run.packed()).hasSize(7);
  }

  @Test
  void optionsThatContradictEachOtherAreRefused() {
    refused("{ spec: int3:tensor:asym }", "int3:g16");
    refused("{ spec: nf4:g64 }", "nf4:g64");
    refused("{ spec: int3:g16, outlier_share: 0.1, outlier_threshold: 1 }", "leave one out");
    refused("{ spec: int3:g16, scale_bits: 9 }", "scale_bits");
  }

  private static void refused(String options, String message) {
    assertThatThrownBy(() -> run(options, block -> {}))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("steps[0].spqr")
        .hasMessageContaining(message);
  }
}
