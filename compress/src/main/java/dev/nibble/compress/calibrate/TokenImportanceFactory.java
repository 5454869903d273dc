package dev.nibble.compress.calibrate;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code token_importance: { importance: attncon, min_value, max_value, importance_power,
 * quantile_value, num_bins, truncate, normalize, part, apply_to }}.
 */
public final class TokenImportanceFactory implements StepFactory {
  @Override
  public String name() {
    return "token_importance";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.CALIBRATE;
  }

  @Override
  public String summary() {
    return "lets tokens that the model attends to count more in what solvers minimize";
  }

  @Override
  public String source() {
    return "RSQ (Sung et al. 2025)";
  }

  @Override
  public Step create(OptionReader options) {
    return new TokenImportance(ImportanceOptions.from(options));
  }
}
