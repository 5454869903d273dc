package dev.nibble.compress.transform;

import dev.nibble.compress.recipe.OptionReader;

/**
 * Options of {@code learned_rotation}.
 *
 * @param start rotation that learning starts from, and what stays at run time
 * @param steps steps of descent
 * @param rate largest step length of the first step; it falls to 0 along a cosine
 * @param batch sequences of a step
 * @param length tokens of a sequence that are looked at; 0 for all
 * @param activationBits bits of the inputs of linears while learning
 * @param clipRatio part of an input's range that its grid spans
 * @param weightBits bits of weights per channel while learning; 0 to leave them alone, as before a
 *     solver that compensates
 * @param values learn a rotation of the value heads for every block
 * @param objective what is lowered
 * @param heldOut fraction of the sequences that decide whether the result is kept
 */
record LearnOptions(
    RotationOptions start,
    int steps,
    double rate,
    int batch,
    int length,
    int activationBits,
    double clipRatio,
    int weightBits,
    boolean values,
    Objective objective,
    double heldOut) {

  /** What is lowered. */
  enum Objective {
    /** Cross-entropy of the next token of the calibration text. */
    CE,
    /** Divergence of the next token's distribution from the original model's. */
    KL
  }

  static LearnOptions read(OptionReader options) {
    return new LearnOptions(
        RotationOptions.readLearned(options),
        options.integer("steps", 100, 0, 100_000),
        options.real("lr", 1.5, 0, 1000),
        options.integer("batch", 8, 1, 1024),
        options.integer("length", 0, 0, 1 << 20),
        options.integer("a_bits", 4, 2, 8),
        options.real("a_clip_ratio", 0.9, 0.1, 1),
        options.integer("w_bits", 0, 0, 8),
        options.flag("values", true),
        options.choice("objective", Objective.CE, Objective.class),
        options.real("held_out", 0.125, 0.01, 0.5));
  }
}
