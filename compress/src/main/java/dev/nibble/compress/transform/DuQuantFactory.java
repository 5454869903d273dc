package dev.nibble.compress.transform;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code duquant: { block_size: 128, max_rotation_step: 256, permutation_times: 1, permutation:
 * zigzag | random | none, rotation: greedy | hadamard | none, search_tokens: 256, seed }}.
 */
public final class DuQuantFactory implements StepFactory {
  @Override
  public String name() {
    return "duquant";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.TRANSFORM;
  }

  @Override
  public String summary() {
    return "turns and reorders inputs block by block so that 4-bit activations lose their outliers";
  }

  @Override
  public String source() {
    return "DuQuant (Lin et al. 2024)";
  }

  @Override
  public Step create(OptionReader options) {
    return new DuQuant(DuQuantOptions.read(options));
  }
}
