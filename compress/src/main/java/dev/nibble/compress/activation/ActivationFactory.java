package dev.nibble.compress.activation;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code activation: { bits: 8, granularity: token | tensor | group, group_size: 128, symmetric:
 * true, clip_ratio: 1.0, static: false, percentile: 100, targets: [REGEX], ignore: [REGEX] }}.
 */
public final class ActivationFactory implements StepFactory {
  @Override
  public String name() {
    return "activation";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.ACTIVATION;
  }

  @Override
  public String summary() {
    return "quantizes the inputs of linear layers at run time, with dynamic or static scales";
  }

  @Override
  public String source() {
    return "LLM.int8 (Dettmers et al. 2022), SmoothQuant (Xiao et al. 2023)";
  }

  @Override
  public Step create(OptionReader options) {
    return new QuantizeActivations(ActivationOptions.read(options));
  }
}
