package dev.nibble.compress.allocate;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code slim: { bits, group_size, objective, include_uniform, reversed, damp_percent, one_bit_mean
 * }}.
 */
public final class SlimFactory implements StepFactory {

  @Override
  public String name() {
    return "slim";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.ALLOCATE;
  }

  @Override
  public String summary() {
    return "A bit more for salient groups of columns inside every weight, a bit less for others";
  }

  @Override
  public String source() {
    return "Huang et al., ICML 2025, arXiv:2405.14917";
  }

  @Override
  public Step create(OptionReader options) {
    return new SlimStep(SlimOptions.from(options));
  }
}
