package dev.nibble.compress.transform;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code awq: { spec: int4:g128:asym, grid: awq, n_grid: 20, clip: true, max_shrink: 0.5,
 * clip_tokens: 512, search_tokens: 8192, tie_heads: false, online: true }}.
 */
public final class AwqFactory implements StepFactory {
  @Override
  public String name() {
    return "awq";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.TRANSFORM;
  }

  @Override
  public String summary() {
    return "scales up weight columns that meet large inputs and clips groups, before solving";
  }

  @Override
  public String source() {
    return "AWQ (Lin et al. 2024)";
  }

  @Override
  public Step create(OptionReader options) {
    return new Awq(AwqOptions.read(options));
  }
}
