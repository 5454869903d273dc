package dev.nibble.compress.allocate;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/** {@code zd: { levels, bits, size, high_layers, order, layers, threshold, side }}. */
public final class ZdFactory implements StepFactory {

  @Override
  public String name() {
    return "zd";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.ALLOCATE;
  }

  @Override
  public String summary() {
    return "More bits for the layers in which the fewest weights stand out; no data";
  }

  @Override
  public String source() {
    return "Dumitru et al., 2024, arXiv:2406.17415";
  }

  @Override
  public Step create(OptionReader options) {
    return new ZdStep(
        RankedLayers.Options.read(options),
        options.real("threshold", 1, 0, 100),
        options.choice("side", ZScores.Side.UPPER, ZScores.Side.class));
  }
}
