package dev.nibble.io.token;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Tokens by id and ids by token. Filled while reading, then only read. */
final class Vocabulary {
  /** More ids than any tokenizer has; a larger one in a file is damage. */
  static final int MAX_ID = (1 << 22) - 1;

  private final Map<String, Integer> ids;
  private String[] tokens;
  private int size;

  Vocabulary(int expected) {
    this.ids = HashMap.newHashMap(expected);
    this.tokens = new String[Math.max(16, expected)];
  }

  /**
   * Gives a token an id; of two ids for one token the later counts, of two tokens for one id too.
   *
   * @param id in 0..{@link #MAX_ID}, which the caller has checked
   */
  void put(String token, int id) {
    ids.put(token, id);
    if (id >= tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(id + 1, tokens.length + (tokens.length >> 1)));
    }
    tokens[id] = token;
    size = Math.max(size, id + 1);
  }

  /** Id of a token, -1 when there is none. */
  int id(String token) {
    return ids.getOrDefault(token, -1);
  }

  /** Token of an id in 0..size-1, null when the id is unused. */
  String token(int id) {
    return tokens[id];
  }

  /** Highest id plus one. */
  int size() {
    return size;
  }

  /** Ids of the 256 byte tokens {@code <0x00>}..{@code <0xFF>}, -1 for those that are missing. */
  int[] byteTokens() {
    int[] bytes = new int[256];
    for (int b = 0; b < 256; b++) {
      bytes[b] = id(byteToken(b));
    }
    return bytes;
  }

  /** How byte fallback spells a byte. */
  static String byteToken(int b) {
    return String.format("<0x%02X>", b);
  }

  /** The byte that {@code <0xHH>} spells, -1 for any other text. */
  static int byteOf(String token) {
    if (token.length() != 6 || !token.startsWith("<0x") || token.charAt(5) != '>') {
      return -1;
    }
    int high = Character.digit(token.charAt(3), 16);
    int low = Character.digit(token.charAt(4), 16);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
  }
}
