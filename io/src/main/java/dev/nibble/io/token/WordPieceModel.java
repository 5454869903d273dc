package dev.nibble.io.token;

/**
 * WordPiece: the longest token that starts the word, then the longest that goes on, and so forth; a
 * word that gets stuck is unknown as a whole.
 *
 * @param unknownId id of such a word
 * @param prefix spelling of tokens inside a word, usually {@code ##}
 * @param maxCharacters longer words are unknown
 */
record WordPieceModel(Vocabulary vocabulary, int unknownId, String prefix, int maxCharacters)
    implements TokenModel {

  @Override
  public void tokenize(String word, IdBuffer out) {
    if (word.codePointCount(0, word.length()) > maxCharacters) {
      out.add(unknownId);
      return;
    }
    IdBuffer found = new IdBuffer();
    for (int start = 0; start < word.length(); ) {
      int end = word.length();
      int id = -1;
      while (id < 0 && end > start) {
        String part = word.substring(start, end);
        id = vocabulary.id(start > 0 ? prefix + part : part);
        if (id < 0) {
          end -= Character.charCount(word.codePointBefore(end));
        }
      }
      if (id < 0) {
        out.add(unknownId);
        return;
      }
      found.add(id);
      start = end;
    }
    out.addAll(found.toArray());
  }
}
