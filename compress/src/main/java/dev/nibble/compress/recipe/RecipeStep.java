package dev.nibble.compress.recipe;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.Step;

/**
 * A step of a recipe: made and validated, with the options it was made from.
 *
 * @param name recipe key, as {@code gptq}
 * @param step ready to run
 * @param options as written, empty when there were none
 */
public record RecipeStep(String name, Step step, ObjectNode options) {
  /** Copies the options. */
  public RecipeStep {
    options = options.deepCopy();
  }

  @Override
  public ObjectNode options() {
    return options.deepCopy();
  }
}
