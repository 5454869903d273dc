package dev.nibble.compress.allocate;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/** {@code lim: { levels, bits, size, high_layers, order, layers, samples }}. */
public final class LimFactory implements StepFactory {

  @Override
  public String name() {
    return "lim";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.ALLOCATE;
  }

  @Override
  public String summary() {
    return "More bits for the layers that change their input most";
  }

  @Override
  public String source() {
    return "Dumitru et al., 2024, arXiv:2406.17415";
  }

  @Override
  public Step create(OptionReader options) {
    return new LimStep(
        RankedLayers.Options.read(options), options.integer("samples", 50, 1, 1 << 16));
  }
}
