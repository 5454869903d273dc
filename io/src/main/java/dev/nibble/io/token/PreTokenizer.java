package dev.nibble.io.token;

import java.util.List;

/** Splits normalized text into the words that the model sees one by one. */
@FunctionalInterface
interface PreTokenizer {
  PreTokenizer NONE = (piece, out) -> out.add(piece);

  /** Adds the parts of a piece, in order and none of them empty, to {@code out}. */
  void split(Piece piece, List<Piece> out);

  /**
   * A stretch of text.
   *
   * @param first whether it starts where the whole text starts
   */
  record Piece(String text, boolean first) {}
}
