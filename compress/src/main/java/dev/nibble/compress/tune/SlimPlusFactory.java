package dev.nibble.compress.tune;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.compress.solve.SolveTargets;
import dev.nibble.core.rounding.RoundingOptions;

/**
 * {@code slim_plus: { spec, lwc_lr, epochs, batch_size, aug_loss, held_out, schedule, weight_decay,
 * grid, targets, ignore, per_module, embedding, head }}.
 */
public final class SlimPlusFactory implements StepFactory {

  @Override
  public String name() {
    return "slim_plus";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.TUNE;
  }

  @Override
  public String summary() {
    return "Learns by gradients where to clip groups of the widths that slim has decided";
  }

  @Override
  public String source() {
    return "Huang et al., ICML 2025, arXiv:2405.14917";
  }

  @Override
  public Step create(OptionReader options) {
    RoundingOptions rounding = LearnedGrids.rounding(options);
    SolveTargets targets =
        SolveTargets.from(options, rounding, spec -> LearnedGrids.require(spec, options.where()));
    return new SlimPlus(
        targets,
        rounding,
        TuneOptions.read(options, TuneOptions.DEFAULT),
        options.real("lwc_lr", 1e-2, 1e-9, 10));
  }
}
