package dev.nibble.compress.solve;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.tensor.CodebookLayout;

/**
 * Options of {@link Aqlm}.
 *
 * @param layout codebooks, bits of a code, columns of a group
 * @param beamSize combinations of a group carried from codebook to codebook
 * @param maxEpochs rounds of continuous and discrete search, at most
 * @param tolerance a round must lower the loss by this part of it to be followed by another
 * @param stepsPerEpoch steps of Adam in a round
 * @param rate learning rate of codewords and scales
 * @param initRounds of each clustering, at most
 * @param initPerCentroid points that are clustered, as a multiple of the centroids; 0 for all
 * @param trueSequential gather each stage's inputs after the stages before it are solved
 * @param finetune training of the solved block
 */
record AqlmOptions(
    CodebookLayout layout,
    int beamSize,
    int maxEpochs,
    double tolerance,
    int stepsPerEpoch,
    double rate,
    int initRounds,
    int initPerCentroid,
    boolean trueSequential,
    Finetune finetune) {

  /**
   * Training of codewords, scales, norms and biases of a block whose codes stay.
   *
   * @param epochs at most; 0 for none
   * @param rate learning rate
   * @param batch sequences of a step
   * @param patience epochs without improvement on held-out batches before it ends
   */
  record Finetune(int epochs, double rate, int batch, int patience) {}

  static AqlmOptions from(OptionReader options) {
    return new AqlmOptions(
        CodebookLayout.additive(
            options.integer("num_codebooks", 2, 1, 16),
            options.integer("nbits_per_codebook", 8, 1, 16),
            options.integer("in_group_size", 8, 1, 256)),
        options.integer("beam_size", 1, 1, 64),
        options.integer("max_epochs", 1000, 0, 1 << 20),
        options.real("relative_mse_tolerance", 0.01, 0, 1),
        options.integer("steps_per_epoch", 100, 0, 1 << 20),
        options.real("lr", 1e-4, 0, 1),
        options.integer("init_max_iter", 100, 1, 1 << 20),
        options.integer("init_max_points_per_centroid", 0, 0, 1 << 20),
        options.flag("true_sequential", true),
        new Finetune(
            options.integer("finetune_max_epochs", 5, 0, 1 << 20),
            options.real("finetune_lr", 1e-4, 0, 1),
            options.integer("finetune_batch", 8, 1, 1 << 20),
            options.integer("finetune_early_stop", 3, 1, 1 << 20)));
  }
}
