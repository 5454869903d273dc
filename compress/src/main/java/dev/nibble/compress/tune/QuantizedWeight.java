package dev.nibble.compress.tune;

import dev.nibble.core.tensor.PackedTensor;
import java.util.Map;

/**
 * A stored weight whose values (codewords, scales) and codes can change. Codes belong to groups:
 * one weight on a scalar grid, several consecutive columns of a row for codewords. Not thread-safe.
 */
interface QuantizedWeight {

  /** Number of elements. */
  int elements();

  /** Present values in fp32, row-major; a new array. */
  float[] value();

  /**
   * Moves codewords and scales against the gradient with respect to the weight.
   *
   * @param gradient row-major
   */
  void moveValues(float[] gradient);

  /** Number of groups. */
  int groups();

  /** First element of a group, row-major. */
  int first(int group);

  /** Number of elements of a group. */
  int size(int group);

  /**
   * Codes that bring groups close to targets.
   *
   * @param groups group numbers
   * @param target values that the weight should have, row-major
   * @param choice how to choose
   * @return codes of each group, in the order of {@code groups}
   */
  int[][] propose(int[] groups, float[] target, Choice choice);

  /** Squared change of the weight if a group took these codes. */
  double change(int group, int[] codes);

  /** Gives a group codes; false when it has them already. */
  boolean accept(int group, int[] codes);

  /** The stored form. */
  PackedTensor pack();

  /** Live arrays (float or int) of what is stored, by name. */
  Map<String, Object> values();

  /** Live arrays of the optimizer, by name. */
  Map<String, Object> moments();

  /**
   * How codes are chosen.
   *
   * @param beam combinations carried from codebook to codebook
   * @param force second best where the best are the present ones
   * @param random draws one of the two nearest, the nearer the likelier
   * @param seed of the draw
   */
  record Choice(int beam, boolean force, boolean random, long seed) {}
}
