package dev.nibble.pipeline.check;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.testing.TinyFamilies;
import dev.nibble.core.NibbleException;
import dev.nibble.models.DecoderModel;
import org.junit.jupiter.api.Test;

/** A step that prepares weights for a spec needs a later step that stores them with it. */
class AssumedSpecTest {

  private static void check(String steps) {
    Recipe recipe = Recipe.parse("name: r\nsteps:\n" + steps, "test");
    try (DecoderModel model = DecoderModel.open(TinyFamilies.weights(TinyFamilies.llama(), 1))) {
      RecipeCheck.storage(recipe, model, new Allocation());
    }
  }

  @Test
  void awqAndTheSolverMustAgree() {
    assertThatThrownBy(
            () -> check("  - awq: { spec: int4:g32 }\n  - rtn: { spec: int3:g32, grid: awq }\n"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("awq: prepares weights for int4:g32")
        .hasMessageContaining("int3:g32")
        .hasMessageContaining("same spec");
    assertThatThrownBy(() -> check("  - awq: { spec: int4:g32 }\n"))
        .hasMessageContaining("later steps store none");
    assertThatThrownBy(() -> check("  - rtn: { spec: int4:g32 }\n  - awq: { spec: int4:g32 }\n"))
        .hasMessageContaining("later steps store none");
    assertThatCode(
            () -> check("  - awq: { spec: int4:g32 }\n  - gptq: { spec: \"int4:g32:asym\" }\n"))
        .doesNotThrowAnyException();
  }
}
