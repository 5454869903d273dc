package dev.nibble.compress.tune;

import dev.nibble.compress.recipe.OptionReader;

/**
 * Options of {@link PvTuning}.
 *
 * @param strategy what may change, and how codes do
 * @param steps updates; 0 for none
 * @param batch sequences of an update
 * @param evaluateEvery updates between two looks at the held-out sequences
 * @param keepBest end with the state that was best there, else with the last one
 * @param values Adam on codewords, scales and unquantized parameters
 * @param code how codes move
 * @param updateCodes codes may change
 * @param updateValues codewords and scales may change
 * @param updateOthers parameters that are not quantized may change
 * @param logitChunk positions whose logits are in memory at once
 */
record PvOptions(
    PvStrategy strategy,
    int steps,
    int batch,
    int evaluateEvery,
    boolean keepBest,
    Adam values,
    Code code,
    boolean updateCodes,
    boolean updateValues,
    boolean updateOthers,
    int logitChunk) {

  /**
   * Rate and decays of Adam.
   *
   * @param rate learning rate
   * @param beta1 decay of the mean
   * @param beta2 decay of the mean square
   */
  record Adam(double rate, double beta1, double beta2) {}

  /**
   * How codes move.
   *
   * @param adam of the weights that codes are searched for
   * @param lamb multiplies the update by the ratio of the norms of weight and update
   * @param debias corrects the moments for their start at zero
   * @param beamSize combinations carried from codebook to codebook
   * @param share of the groups of a weight whose codes may change in one update
   * @param trustRatio largest change of a weight in one update, as a part of its norm; 0 for no
   *     limit
   * @param temperature 0 takes the groups that moved furthest; else they are drawn with a
   *     probability that grows as distance to the power of 1 over this
   * @param force takes the second best codes where the best are the present ones
   * @param decay part of the accumulated update that is forgotten after each step, 0 to 1
   */
  record Code(
      Adam adam,
      boolean lamb,
      boolean debias,
      int beamSize,
      double share,
      double trustRatio,
      double temperature,
      boolean force,
      double decay) {}

  static PvOptions from(OptionReader options) {
    PvStrategy strategy = options.choice("strategy", PvStrategy.SUBSPACE_BUFFERS, PvStrategy.class);
    return new PvOptions(
        strategy,
        options.integer("steps", 200, 0, 1 << 24),
        options.integer("batch", 8, 1, 1 << 20),
        options.integer("eval_every", 20, 1, 1 << 20),
        options.flag("keep_best", true),
        new Adam(
            options.real("lr", 3e-4, 0, 1),
            options.real("beta1", 0.9, 0, 0.9999),
            options.real("beta2", 0.95, 0, 0.9999)),
        new Code(
            new Adam(
                options.real("code_lr", 1e-2, 0, 1),
                options.real("code_beta1", 0, 0, 0.9999),
                options.real("code_beta2", 0.95, 0, 0.9999)),
            options.flag("lamb", true),
            options.flag("debias", true),
            options.integer("beam_size", 5, 1, 64),
            options.real("max_code_change_per_step", strategy.defaultShare(), 0, 1),
            options.real("code_trust_ratio", 0, 0, 1e6),
            options.real("code_selection_temperature", 0, 0, 100),
            options.flag("force_code_update", false),
            options.real("delta_decay", strategy.defaultDecay(), 0, 1)),
        options.flag("update_codes", strategy.movesCodes()),
        options.flag("update_codebooks_and_scales", true),
        options.flag("update_non_quantized", true),
        options.integer("kl_chunk", 256, 1, 1 << 20));
  }
}
