package dev.nibble.compress.transform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.compress.recipe.Presets;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.RecipeStep;
import java.util.List;
import org.junit.jupiter.api.Test;

class PresetRecipesTest {

  private static List<String> steps(String preset) {
    return Presets.load(preset).steps().stream().map(RecipeStep::name).toList();
  }

  @Test
  void everyPresetIsAValidRecipeOfItsName() {
    assertThat(Presets.names()).hasSizeGreaterThan(60);
    for (String name : Presets.names()) {
      Recipe recipe = Presets.load(name);
      assertThat(recipe.name()).isEqualTo(name);
      assertThat(Presets.text(name)).as(name).doesNotContain("$");
    }
  }

  @Test
  void methodsCombineInTheOrderOfTheirPapers() {
    assertThat(steps("awq-w4")).containsExactly("awq", "rtn");
    assertThat(steps("awq-gptq-w3-g64")).containsExactly("awq", "gptq");
    assertThat(steps("smoothquant-w8a8-o3")).containsExactly("smoothquant", "rtn", "activation");
    assertThat(steps("quarot-w4a4")).containsExactly("rotate", "gptq", "activation");
    assertThat(steps("rotate-gptq-w4")).containsExactly("rotate", "gptq");
  }
}
