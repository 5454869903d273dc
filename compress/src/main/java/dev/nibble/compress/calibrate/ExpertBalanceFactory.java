package dev.nibble.compress.calibrate;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/** {@code expert_balance: { ratio: 2.0, reserve: 0.5 }}. */
public final class ExpertBalanceFactory implements StepFactory {
  @Override
  public String name() {
    return "expert_balance";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.CALIBRATE;
  }

  @Override
  public String summary() {
    return "gives every expert about the same number of calibration tokens";
  }

  @Override
  public String source() {
    return "EAQuant (Fu et al. 2025), calibration data balance";
  }

  @Override
  public Step create(OptionReader options) {
    return new ExpertBalance(
        options.real("ratio", 2, 0.01, 1e6), options.real("reserve", 0.5, 0, 0.99));
  }
}
