package dev.nibble.compress.allocate;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code spikes: { detector, threshold, top_k, scope, percentile, high_format, control, samples,
 * bits }}.
 */
public final class SpikesFactory implements StepFactory {

  @Override
  public String name() {
    return "spikes";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.ALLOCATE;
  }

  @Override
  public String summary() {
    return "High precision for the few linears whose inputs hold giant spikes";
  }

  @Override
  public String source() {
    return "Precision Where It Matters, 2025";
  }

  @Override
  public Step create(OptionReader options) {
    return new SpikesStep(SpikesOptions.read(options));
  }
}
