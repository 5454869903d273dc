package dev.nibble.compress.solve;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.rounding.RoundingOptions;

/** {@code rtn: { spec, grid, clip, clip_norm, targets, ignore, per_module, embedding, head }}. */
public final class RtnFactory implements StepFactory {

  @Override
  public String name() {
    return "rtn";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.SOLVE;
  }

  @Override
  public String summary() {
    return "Rounds each weight to the nearest value of its grid; no data";
  }

  @Override
  public String source() {
    return "Krishnamoorthi 2018, arXiv:1806.08342";
  }

  @Override
  public Step create(OptionReader options) {
    RoundingOptions rounding = SolveTargets.rounding(options);
    return new RtnStep(SolveTargets.from(options, rounding, spec -> {}), rounding);
  }
}
