package dev.nibble.compress.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.BlockRun;
import dev.nibble.compress.Step;
import dev.nibble.compress.recipe.StepRegistry;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.tensor.AffineTensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class OmniQuantTest extends TunerContract {

  @Override
  protected String step() {
    return "omniquant";
  }

  @Override
  protected List<String> rates() {
    return List.of("lwc_lr", "let_lr");
  }

  @Override
  protected ObjectNode options() {
    return JsonNodeFactory.instance.objectNode().put("let", true);
  }

  private static Step gptq(boolean keepGrid) {
    return StepRegistry.load()
        .create(
            "gptq",
            "test",
            JsonNodeFactory.instance
                .objectNode()
                .put("spec", "int2:g16")
                .put("keep_grid", keepGrid));
  }

  @Test
  void gptqKeepsTheLearnedGridsAndRoundsBetterOnThem() {
    Step omniquant = create("int2:g16", JsonNodeFactory.instance.objectNode().put("epochs", 3));
    InMemoryWeights weights = InMemoryWeights.random(CONFIG, 0.1, 5);
    BlockRun alone = BlockRun.of(weights, List.of(omniquant), TOKENS, 2);
    BlockRun both = BlockRun.of(weights, List.of(omniquant, gptq(true)), TOKENS, 2);
    String site = "model.layers.0.self_attn.q_proj";
    AffineTensor learned = (AffineTensor) alone.packed().get(site);
    AffineTensor solved = (AffineTensor) both.packed().get(site);
    for (int row = 0; row < learned.rows(); row++) {
      for (int group = 0; group < learned.groupsPerRow(); group++) {
        assertThat(solved.scale(row, group)).isEqualTo(learned.scale(row, group));
        assertThat(solved.zero(row, group)).isEqualTo(learned.zero(row, group));
      }
    }
    assertThat(solved.toFloats()).isNotEqualTo(learned.toFloats());
    both.events()
        .solved()
        .forEach(
            (name, errors) ->
                assertThat(errors.relativeError())
                    .as(name)
                    .isLessThanOrEqualTo(errors.rtnRelativeError()));
  }

  @Test
  void gptqHasNoGridToKeepAlone() {
    InMemoryWeights weights = InMemoryWeights.random(CONFIG, 0.1, 5);
    assertThatThrownBy(() -> BlockRun.of(weights, List.of(gptq(true)), TOKENS, 1))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("keep_grid")
        .hasMessageContaining("not stored yet");
  }

  @Test
  void comesBeforeSolvers() {
    InMemoryWeights weights = InMemoryWeights.random(CONFIG, 0.1, 5);
    Step omniquant = create("int2:g16", JsonNodeFactory.instance.objectNode().put("epochs", 1));
    assertThatThrownBy(() -> BlockRun.of(weights, List.of(gptq(false), omniquant), TOKENS, 1))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("quantized already");
  }
}
