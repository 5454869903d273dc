package dev.nibble.compress.allocate;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/** {@code cptquant: { scorer, unit, levels, assign, fractions, bits, size, order, samples, … }}. */
public final class CptQuantFactory implements StepFactory {

  @Override
  public String name() {
    return "cptquant";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.ALLOCATE;
  }

  @Override
  public String summary() {
    return "16, 8 or 4 bits for each layer, by correlation, pruning or Taylor sensitivity";
  }

  @Override
  public String source() {
    return "Nanda et al., 2024, arXiv:2412.03599";
  }

  @Override
  public Step create(OptionReader options) {
    return new CptQuantStep(CptQuantOptions.read(options));
  }
}
