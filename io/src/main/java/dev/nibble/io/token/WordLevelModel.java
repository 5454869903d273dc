package dev.nibble.io.token;

/**
 * Whole words only.
 *
 * @param unknownId id of a word that is not in the vocabulary, -1 to leave it out
 */
record WordLevelModel(Vocabulary vocabulary, int unknownId) implements TokenModel {

  @Override
  public void tokenize(String word, IdBuffer out) {
    int id = vocabulary.id(word);
    if (id >= 0 || unknownId >= 0) {
      out.add(id >= 0 ? id : unknownId);
    }
  }
}
