package dev.nibble.io.token;

import java.util.concurrent.ConcurrentHashMap;

/** Remembers the ids of words, and cuts long words into pieces that can be remembered. */
final class CachedModel implements TokenModel {
  /** Words up to this length are looked up whole. */
  private static final int WHOLE_LENGTH = 24;

  /** Words longer than this, and more words than that, are not worth remembering. */
  private static final int CACHED_LENGTH = 64;

  private static final int CACHED_WORDS = 1 << 16;

  private final TokenModel model;
  private final Seams seams;
  private final ConcurrentHashMap<String, int[]> cache = new ConcurrentHashMap<>();

  /**
   * @param seams where words may be cut, null when they may not
   */
  CachedModel(TokenModel model, Seams seams) {
    this.model = model;
    this.seams = seams;
  }

  @Override
  public void tokenize(String word, IdBuffer out) {
    if (seams == null || word.length() <= WHOLE_LENGTH) {
      piece(word, out);
      return;
    }
    for (int start = 0; start < word.length(); ) {
      int end = seams.next(word, start);
      piece(word.substring(start, end), out);
      start = end;
    }
  }

  private void piece(String word, IdBuffer out) {
    if (word.length() > CACHED_LENGTH) {
      model.tokenize(word, out);
      return;
    }
    int[] known = cache.get(word);
    if (known != null) {
      out.addAll(known);
      return;
    }
    int start = out.size();
    model.tokenize(word, out);
    if (cache.size() < CACHED_WORDS) {
      cache.put(word, out.tail(start));
    }
  }
}
