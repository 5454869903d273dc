package dev.nibble.compress.solve;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code aqlm: { num_codebooks, nbits_per_codebook, in_group_size, beam_size, max_epochs,
 * relative_mse_tolerance, steps_per_epoch, lr, init_max_iter, init_max_points_per_centroid,
 * true_sequential, finetune_max_epochs, finetune_lr, finetune_batch, finetune_early_stop, targets,
 * ignore, embedding, head }}.
 */
public final class AqlmFactory implements StepFactory {

  @Override
  public String name() {
    return "aqlm";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.SOLVE;
  }

  @Override
  public String summary() {
    return "Makes groups of weights sums of learned codewords";
  }

  @Override
  public String source() {
    return "Egiazarian et al., ICML 2024, arXiv:2401.06118";
  }

  @Override
  public Step create(OptionReader options) {
    return new AqlmStep(SolveTargets.choosing(options), AqlmOptions.from(options));
  }
}
