package dev.nibble.io.token;

/**
 * A token that is found in the text itself instead of being made by the model.
 *
 * @param singleWord only where no word character touches it
 * @param leftStrip takes the spaces before it along
 * @param rightStrip takes the spaces after it along
 * @param normalized looked for in normalized text, its own text normalized too
 * @param special a control token
 */
record AddedToken(
    int id,
    String content,
    boolean singleWord,
    boolean leftStrip,
    boolean rightStrip,
    boolean normalized,
    boolean special) {

  /** A token found as it stands in the text as it stands. */
  static AddedToken plain(int id, String content, boolean special) {
    return new AddedToken(id, content, false, false, false, false, special);
  }
}
