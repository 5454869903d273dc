package dev.nibble.io.token;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Byte-pair encoding (Sennrich et al. 2016): a word is its characters, then neighbours are joined
 * in the order of the learned rules. Characters without a token become byte tokens, or the unknown
 * token, or nothing, in this order of preference.
 */
final class BpeModel implements TokenModel {
  /**
   * How words become characters and what happens to unknown ones.
   *
   * @param byteFallback use {@code <0xHH>} tokens for characters without a token
   * @param ignoreMerges a word that is a token is that token, whatever the rules say
   * @param unknownId id for what has no token, -1 to leave it out
   * @param fuseUnknown one unknown token for a run of unknown characters
   * @param prefix put before every character but the first of a word
   * @param suffix put after the last character of a word
   */
  record Options(
      boolean byteFallback,
      boolean ignoreMerges,
      int unknownId,
      boolean fuseUnknown,
      String prefix,
      String suffix) {}

  private final Vocabulary vocabulary;
  private final PairTable merges;
  private final Options options;

  /** Ids of single 16-bit characters, -1 where there is none. */
  private final int[] characters = new int[1 << 16];

  private final int[] bytes;

  private BpeModel(Vocabulary vocabulary, PairTable merges, Options options) {
    this.vocabulary = vocabulary;
    this.merges = merges;
    this.options = options;
    this.bytes = vocabulary.byteTokens();
    Arrays.fill(characters, -1);
    for (int c = 0; c < characters.length; c++) {
      characters[c] = vocabulary.id(String.valueOf((char) c));
    }
  }

  /** The model with a memory for words. */
  static TokenModel cached(Vocabulary vocabulary, PairTable merges, Options options) {
    BpeModel model = new BpeModel(vocabulary, merges, options);
    // Spelling and whole words depend on where a word ends, so those words must not be cut.
    boolean whole = options.ignoreMerges || !options.prefix.isEmpty() || !options.suffix.isEmpty();
    Seams seams = whole ? null : new Seams(vocabulary, model::isSymbol);
    return new CachedModel(model, seams);
  }

  private boolean isSymbol(int c) {
    return c < characters.length ? characters[c] >= 0 : vocabulary.id(Character.toString(c)) >= 0;
  }

  @Override
  public void tokenize(String word, IdBuffer out) {
    if (options.ignoreMerges) {
      int whole = vocabulary.id(word);
      if (whole >= 0) {
        out.add(whole);
        return;
      }
    }
    Merger merger = new Merger(merges, word.length());
    boolean openUnknown = false;
    for (int i = 0; i < word.length(); ) {
      int c = word.codePointAt(i);
      int end = i + Character.charCount(c);
      int id = symbol(word, i, end, c);
      if (id >= 0) {
        if (openUnknown) {
          merger.add(options.unknownId);
          openUnknown = false;
        }
        merger.add(id);
      } else if (!(options.byteFallback && addBytes(spelling(word, i, end), merger))
          && options.unknownId >= 0) {
        if (openUnknown && !options.fuseUnknown) {
          merger.add(options.unknownId);
        }
        openUnknown = true;
      }
      i = end;
    }
    if (openUnknown) {
      merger.add(options.unknownId);
    }
    merger.run(out);
  }

  private int symbol(String word, int start, int end, int c) {
    boolean plain =
        (start == 0 || options.prefix.isEmpty())
            && (end < word.length() || options.suffix.isEmpty());
    if (plain && c < characters.length) {
      return characters[c];
    }
    return vocabulary.id(spelling(word, start, end));
  }

  private String spelling(String word, int start, int end) {
    String text = word.substring(start, end);
    if (start > 0) {
      text = options.prefix + text;
    }
    return end == word.length() ? text + options.suffix : text;
  }

  /** Adds the byte tokens of a text; false, and nothing added, when one is missing. */
  private boolean addBytes(String text, Merger merger) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    for (byte b : utf8) {
      if (bytes[b & 0xff] < 0) {
        return false;
      }
    }
    for (byte b : utf8) {
      merger.add(bytes[b & 0xff]);
    }
    return true;
  }
}
