package dev.nibble.io.token;

import dev.nibble.core.ModelFormatException;
import java.util.function.Function;

/** Checks and files the joining rules of byte-pair encoding. */
final class Merges {
  private Merges() {}

  /**
   * Adds one rule.
   *
   * @param rank place of the rule in the file
   * @param left left part, null when the rule could not be read
   * @param prefixLength characters to leave out of the right part when joining
   * @param fault makes the exception of a problem
   */
  static void add(
      PairTable table,
      Vocabulary vocabulary,
      int rank,
      String left,
      String right,
      int prefixLength,
      Function<String, ModelFormatException> fault) {
    if (left == null || right == null || right.length() < prefixLength) {
      throw fault.apply("is not a pair of tokens");
    }
    int leftId = vocabulary.id(left);
    int rightId = vocabulary.id(right);
    int made = vocabulary.id(left.concat(right.substring(prefixLength)));
    if (leftId < 0 || rightId < 0 || made < 0) {
      throw fault.apply(
          "joins '"
              + left
              + "' and '"
              + right
              + "', but the vocabulary lacks one of them or the result");
    }
    table.put(leftId, rightId, rank, made);
  }
}
