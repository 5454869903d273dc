package dev.nibble.compress.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.core.NibbleException;
import org.junit.jupiter.api.Test;

class BudgetsTest {

  private static Recipe recipe(String steps) {
    return Recipe.parse("steps: [ " + steps + " ]", "mine");
  }

  @Test
  void aRecipeWithoutAnAllocatorGetsOneBeforeItsSolver() {
    Recipe changed =
        Budgets.size(recipe("rotate, { gptq: { spec: 'int4:g64', clip: mse } }"), "1.9 MB");
    assertThat(changed.name()).isEqualTo("mine-1.9MB");
    assertThat(changed.steps())
        .extracting(RecipeStep::name)
        .containsExactly("rotate", "size", "gptq");
    assertThat(changed.steps().get(1).options().toString()).isEqualTo("{\"size\":\"1.9 MB\"}");
    assertThat(Recipe.parse(changed.toYaml(), "mine-1.9MB").canonical())
        .isEqualTo(changed.canonical());
  }

  @Test
  void anAllocatorOfItsOwnGetsTheBudget() {
    Recipe changed =
        Budgets.bits(
            recipe("{ lim: { levels: [ int3:g32, int4:g32 ], high_layers: 3 } }, gptq"), 3.7);
    assertThat(changed.steps()).extracting(RecipeStep::name).containsExactly("lim", "gptq");
    assertThat(changed.steps().getFirst().options().toString())
        .isEqualTo("{\"levels\":[\"int3:g32\",\"int4:g32\"],\"bits\":3.7}");
  }

  @Test
  void withoutASolverThereIsNothingToSpendOn() {
    assertThatThrownBy(() -> Budgets.size(recipe("rotate"), "2m"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("mine")
        .hasMessageContaining("gptq-w4");
    assertThatThrownBy(() -> Budgets.size(recipe("rtn: { spec: int4:g64 }"), "large"))
        .isInstanceOf(NibbleException.class)
        .hasMessageContaining("steps[0].size.size")
        .hasMessageContaining("large");
  }
}
