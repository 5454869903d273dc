package dev.nibble.compress.transform;

import dev.nibble.compress.recipe.OptionReader;

/**
 * Options of {@code duquant}.
 *
 * @param blockSize width of a rotated block; of a width that it does not divide, the largest
 *     divisor below
 * @param steps most greedy steps of a rotation
 * @param permutations permutations between rotations; there is one rotation more
 * @param permutation how channels are dealt to blocks
 * @param rotation how blocks are turned
 * @param searchTokens calibration tokens, those with the largest values, that are looked at
 * @param seed of the random parts, or -1 to take the recipe's
 */
record DuQuantOptions(
    int blockSize,
    int steps,
    int permutations,
    Permutation permutation,
    Rotation rotation,
    int searchTokens,
    long seed) {

  /** How channels are dealt to blocks. */
  enum Permutation {
    /** By falling maximum, back and forth. */
    ZIGZAG,
    /** At random. */
    RANDOM,
    /** They stay. */
    NONE
  }

  /** How blocks are turned. */
  enum Rotation {
    /** By greedy steps, each of which spreads the largest value. */
    GREEDY,
    /** By a Hadamard matrix. */
    HADAMARD,
    /** They are not. */
    NONE
  }

  static final DuQuantOptions DEFAULT =
      new DuQuantOptions(128, 256, 1, Permutation.ZIGZAG, Rotation.GREEDY, 256, -1);

  static DuQuantOptions read(OptionReader options) {
    return new DuQuantOptions(
        options.integer("block_size", DEFAULT.blockSize, 1, 1 << 12),
        options.integer("max_rotation_step", DEFAULT.steps, 0, 1 << 14),
        options.integer("permutation_times", DEFAULT.permutations, 0, 8),
        options.choice("permutation", DEFAULT.permutation, Permutation.class),
        options.choice("rotation", DEFAULT.rotation, Rotation.class),
        options.integer("search_tokens", DEFAULT.searchTokens, 1, 1 << 16),
        options.whole("seed", DEFAULT.seed));
  }

  /** The largest divisor of a width that is not above the block size. */
  int block(int width) {
    int block = Math.min(blockSize, width);
    while (width % block != 0) {
      block--;
    }
    return block;
  }
}
