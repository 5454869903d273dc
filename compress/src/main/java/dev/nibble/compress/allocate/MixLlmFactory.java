package dev.nibble.compress.allocate;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/** {@code mixllm: { small, large, percent, scope, fisher, ignore_first_order, order, samples }}. */
public final class MixLlmFactory implements StepFactory {

  @Override
  public String name() {
    return "mixllm";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.ALLOCATE;
  }

  @Override
  public String summary() {
    return "8 bits for the output features of the whole model that the loss needs most, 4 elsewhere";
  }

  @Override
  public String source() {
    return "Zheng et al., 2024, MixLLM";
  }

  @Override
  public Step create(OptionReader options) {
    return new MixLlmStep(
        Level.parse(options.text("small", "int4:g128:asym"), options.where() + ".small"),
        Level.parse(options.text("large", "int8:g128:sym"), options.where() + ".large"),
        options.real("percent", 10, 0, 100),
        options.choice("scope", MixLlmStep.Scope.GLOBAL, MixLlmStep.Scope.class),
        options.choice("order", MixLlmStep.Order.SCORE, MixLlmStep.Order.class),
        new RowSalience.Measure(
            options.choice("fisher", RowSalience.Fisher.ROW, RowSalience.Fisher.class),
            options.flag("ignore_first_order", false)),
        options.integer("samples", 128, 1, 1 << 16),
        options.where());
  }
}
