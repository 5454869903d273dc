package dev.nibble.compress.transform;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.nibble.compress.Step;
import dev.nibble.compress.recipe.OptionReader;

/** The step learned_rotation after a few steps, in fp32. */
class LearnedRotationContract extends TransformContract {
  @Override
  Step transform() {
    return new LearnedRotation(
        LearnOptions.read(
            new OptionReader(
                "learned_rotation",
                JsonNodeFactory.instance
                    .objectNode()
                    .put("steps", 2)
                    .put("batch", 2)
                    .put("seed", 4))));
  }
}
