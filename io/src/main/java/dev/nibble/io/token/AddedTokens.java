package dev.nibble.io.token;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/** Finds added tokens: first the verbatim ones in the text, then the others in what remains. */
final class AddedTokens {
  private final Map<Integer, AddedToken> byId = new HashMap<>();
  private final Map<String, AddedToken> byContent = new HashMap<>();
  private final Trie verbatim = new Trie();
  private final Trie normalized = new Trie();

  /** Receiver of the parts of a text, in order: plain stretches have id -1. */
  @FunctionalInterface
  interface Parts {
    void accept(int start, int end, int id);
  }

  AddedTokens(Collection<AddedToken> tokens, Normalizer normalizer) {
    for (AddedToken token : tokens) {
      if (token.content().isEmpty() || byContent.putIfAbsent(token.content(), token) != null) {
        continue;
      }
      byId.put(token.id(), token);
      if (token.normalized()) {
        normalized.put(normalizer.apply(token.content()), token.id());
      } else {
        verbatim.put(token.content(), token.id());
      }
    }
  }

  /** Splits text before normalization. */
  void splitVerbatim(String text, Parts out) {
    split(text, verbatim, out);
  }

  /** Splits a stretch after normalization. */
  void splitNormalized(String text, Parts out) {
    split(text, normalized, out);
  }

  /** The added token with an id, null when there is none. */
  AddedToken byId(int id) {
    return byId.get(id);
  }

  /** The added token with a text, null when there is none. */
  AddedToken byContent(String content) {
    return byContent.get(content);
  }

  /** Highest id plus one, 0 when there is no added token. */
  int size() {
    return byId.keySet().stream().mapToInt(id -> id + 1).max().orElse(0);
  }

  private void split(String text, Trie trie, Parts out) {
    int done = 0;
    int at = trie.isEmpty() ? text.length() : 0;
    while (at < text.length()) {
      int end = longest(text, trie, at);
      if (end < 0) {
        at += Character.charCount(text.codePointAt(at));
        continue;
      }
      AddedToken token = byId.get(found(text, trie, at, end));
      if (at >= done && (!token.singleWord() || standsAlone(text, at, end))) {
        int start = token.leftStrip() ? Math.max(done, spacesBefore(text, at)) : at;
        if (start > done) {
          out.accept(done, start, -1);
        }
        done = token.rightStrip() ? spacesAfter(text, end) : end;
        out.accept(start, done, token.id());
      }
      at = end;
    }
    if (done < text.length()) {
      out.accept(done, text.length(), -1);
    }
  }

  /** End of the longest token that starts at {@code at}, -1 when none does. */
  private static int longest(String text, Trie trie, int at) {
    int end = -1;
    int node = Trie.ROOT;
    for (int i = at; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      node = trie.child(node, c);
      if (node < 0) {
        break;
      }
      if (trie.value(node) >= 0) {
        end = i;
      }
    }
    return end;
  }

  private static int found(String text, Trie trie, int start, int end) {
    int node = Trie.ROOT;
    for (int i = start; i < end; ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      node = trie.child(node, c);
    }
    return trie.value(node);
  }

  private static boolean standsAlone(String text, int start, int end) {
    boolean before = start == 0 || !Characters.isWord(text.codePointBefore(start));
    boolean after = end == text.length() || !Characters.isWord(text.codePointAt(end));
    return before && after;
  }

  private static int spacesBefore(String text, int end) {
    int start = end;
    while (start > 0 && Characters.isSpace(text.charAt(start - 1))) {
      start--;
    }
    return start;
  }

  private static int spacesAfter(String text, int start) {
    int end = start;
    while (end < text.length() && Characters.isSpace(text.charAt(end))) {
      end++;
    }
    return end;
  }
}
