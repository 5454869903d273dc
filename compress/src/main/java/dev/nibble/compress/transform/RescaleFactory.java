package dev.nibble.compress.transform;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code rescale: { range: [0.5, 2], outliers: N, outlier_factor: 30, seed: N, targets: [REGEX] }}.
 */
public final class RescaleFactory implements StepFactory {
  @Override
  public String name() {
    return "rescale";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.TRANSFORM;
  }

  @Override
  public String summary() {
    return "makes channels larger and smaller at random, to try other methods on harder models";
  }

  @Override
  public String source() {
    return "Test instrument of this project, after Nagel et al. 2019";
  }

  @Override
  public Step create(OptionReader options) {
    return new Rescale(RescaleOptions.read(options));
  }
}
