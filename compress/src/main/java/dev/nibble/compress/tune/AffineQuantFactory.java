package dev.nibble.compress.tune;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.compress.solve.SolveTargets;
import dev.nibble.core.rounding.RoundingOptions;

/**
 * {@code affinequant: { spec, lwc, lwc_lr, scale_gradient, let_lr, let_shift, alpha, use_ln_matrix,
 * qkt_mode, stability_factor, epochs, batch_size, aug_loss, held_out, schedule, weight_decay, grid,
 * clip, clip_norm, targets, ignore, per_module, embedding, head }}.
 */
public final class AffineQuantFactory implements StepFactory {

  @Override
  public String name() {
    return AffineQuant.NAME;
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.TUNE;
  }

  @Override
  public String summary() {
    return "Learns by gradients matrices between linears, under which weights round better";
  }

  @Override
  public String source() {
    return "Ma et al., ICLR 2024, arXiv:2403.12544";
  }

  @Override
  public Step create(OptionReader options) {
    RoundingOptions rounding = LearnedGrids.rounding(options);
    SolveTargets targets =
        SolveTargets.from(options, rounding, spec -> LearnedGrids.require(spec, options.where()));
    return new AffineQuant(
        targets,
        rounding,
        TuneOptions.read(options, TuneOptions.DEFAULT),
        ClipOptions.read(options),
        AffineOptions.read(options));
  }
}
