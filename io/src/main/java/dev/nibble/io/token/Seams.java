package dev.nibble.io.token;

import java.util.function.IntPredicate;

/**
 * Places where byte-pair encoding can cut a long word without changing its tokens: between two
 * characters that stand next to each other in no token, so that no rule can ever join across.
 */
final class Seams {
  private final PairTable neighbours;
  private final IntPredicate known;

  /**
   * @param vocabulary every token that joining can make
   * @param known characters that are symbols of their own; others may become byte or unknown
   *     tokens, which the rules may treat as they like, so nothing is cut beside them
   */
  Seams(Vocabulary vocabulary, IntPredicate known) {
    this.known = known;
    this.neighbours = new PairTable(vocabulary.size());
    for (int id = 0; id < vocabulary.size(); id++) {
      String token = vocabulary.token(id);
      int last = -1;
      for (int i = 0; token != null && i < token.length(); ) {
        int c = token.codePointAt(i);
        if (last >= 0) {
          neighbours.put(last, c, 0, 0);
        }
        last = c;
        i += Character.charCount(c);
      }
    }
  }

  /** End of the piece of a word that starts at {@code start}. */
  int next(String word, int start) {
    int last = word.codePointAt(start);
    boolean lastKnown = known.test(last);
    int end = start + Character.charCount(last);
    while (end < word.length()) {
      int c = word.codePointAt(end);
      boolean nowKnown = known.test(c);
      if (lastKnown && nowKnown && neighbours.find(last, c) < 0) {
        return end;
      }
      last = c;
      lastKnown = nowKnown;
      end += Character.charCount(c);
    }
    return end;
  }
}
