package dev.nibble.compress.tune;

import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.compress.recipe.OptionReader;

/**
 * {@code pv: { strategy, steps, batch, eval_every, keep_best, lr, beta1, beta2, code_lr,
 * code_beta1, code_beta2, lamb, debias, beam_size, max_code_change_per_step, code_trust_ratio,
 * code_selection_temperature, force_code_update, delta_decay, update_codes,
 * update_codebooks_and_scales, update_non_quantized, kl_chunk }}.
 */
public final class PvFactory implements StepFactory {

  @Override
  public String name() {
    return "pv";
  }

  @Override
  public Taxonomy taxonomy() {
    return Taxonomy.TUNE;
  }

  @Override
  public String summary() {
    return "Trains codes, codewords and scales of the whole model towards the original";
  }

  @Override
  public String source() {
    return "Malinovskii et al., NeurIPS 2024, arXiv:2405.14852";
  }

  @Override
  public Step create(OptionReader options) {
    return new PvTuning(PvOptions.from(options));
  }
}
