package dev.nibble.compress.transform;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/** {@code smoothquant: { alpha: 0.5 | auto, search_tokens: 8192 }}. */
public final class SmoothQuantFactory implements StepFactory {
  @Override
  public String name() {
    return "smoothquant";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.TRANSFORM;
  }

  @Override
  public String summary() {
    return "moves activation outliers into the weights, so that both fit 8 bits";
  }

  @Override
  public String source() {
    return "SmoothQuant (Xiao et al. 2023)";
  }

  @Override
  public Step create(OptionReader options) {
    return new SmoothQuant(SmoothOptions.read(options));
  }
}
