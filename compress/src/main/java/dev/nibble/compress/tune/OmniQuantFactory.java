package dev.nibble.compress.tune;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.compress.solve.SolveTargets;
import dev.nibble.core.rounding.RoundingOptions;

/**
 * {@code omniquant: { spec, lwc, lwc_lr, scale_gradient, let, let_lr, let_qk, let_shift, alpha,
 * epochs, batch_size, aug_loss, held_out, schedule, weight_decay, grid, clip, clip_norm, targets,
 * ignore, per_module, embedding, head }}.
 */
public final class OmniQuantFactory implements StepFactory {

  @Override
  public String name() {
    return OmniQuant.NAME;
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.TUNE;
  }

  @Override
  public String summary() {
    return "Learns by gradients where to clip weights and how to move outliers into them";
  }

  @Override
  public String source() {
    return "Shao et al., ICLR 2024, arXiv:2308.13137";
  }

  @Override
  public Step create(OptionReader options) {
    RoundingOptions rounding = LearnedGrids.rounding(options);
    SolveTargets targets =
        SolveTargets.from(options, rounding, spec -> LearnedGrids.require(spec, options.where()));
    return new OmniQuant(
        targets,
        rounding,
        TuneOptions.read(options, TuneOptions.DEFAULT),
        ClipOptions.read(options),
        ScaleOptions.read(options));
  }
}
