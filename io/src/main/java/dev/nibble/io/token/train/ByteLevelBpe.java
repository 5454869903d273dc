package dev.nibble.io.token.train;

import dev.nibble.io.token.ByteAlphabet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A learned byte-level BPE vocabulary. Ids: special tokens first, then the 256 bytes in order, then
 * one token a merge in the order learned. Not thread-safe: encoding remembers pieces it has seen.
 */
public final class ByteLevelBpe {
  private static final int REMEMBERED = 1 << 17;

  private final List<String> specials;
  private final List<Merge> merges;
  private final List<String> tokens;
  private final Map<Long, Integer> ranks = new HashMap<>();
  private final Map<String, int[]> known = new HashMap<>();

  /** Two token ids that become one. */
  record Merge(int left, int right) {
    long key() {
      return ((long) left << 32) | right;
    }
  }

  ByteLevelBpe(List<String> specials, List<Merge> merges) {
    this.specials = List.copyOf(specials);
    this.merges = List.copyOf(merges);
    this.tokens = new ArrayList<>(specials);
    for (int b = 0; b < 256; b++) {
      tokens.add(String.valueOf(ByteAlphabet.character(b)));
    }
    for (Merge merge : merges) {
      ranks.put(merge.key(), ranks.size());
      tokens.add(tokens.get(merge.left()) + tokens.get(merge.right()));
    }
  }

  /** Number of ids. */
  public int vocabSize() {
    return tokens.size();
  }

  /** Special tokens; their ids are their places in this list. */
  public List<String> specials() {
    return specials;
  }

  /** Tokens by id; ordinary ones spelt with the printable stand-ins of their bytes. */
  List<String> tokens() {
    return tokens;
  }

  /** Merges in the order learned. */
  List<Merge> merges() {
    return merges;
  }

  /** Token ids of plain text: special tokens in it are not recognized. */
  public int[] encode(String text) {
    List<int[]> parts = new ArrayList<>();
    BytePieces.split(text, piece -> parts.add(ids(piece)));
    int[] out = new int[parts.stream().mapToInt(p -> p.length).sum()];
    int at = 0;
    for (int[] part : parts) {
      System.arraycopy(part, 0, out, at, part.length);
      at += part.length;
    }
    return out;
  }

  private int[] ids(String piece) {
    int[] found = known.get(piece);
    if (found == null) {
      found = merge(piece);
      if (known.size() < REMEMBERED) {
        known.put(piece, found);
      }
    }
    return found;
  }

  /** Applies the earliest learned merge that fits until none does. */
  private int[] merge(String piece) {
    int[] ids = BytePieces.bytes(piece);
    for (int i = 0; i < ids.length; i++) {
      ids[i] += specials.size();
    }
    int length = ids.length;
    while (true) {
      int best = Integer.MAX_VALUE;
      for (int i = 0; i + 1 < length; i++) {
        best = Math.min(best, ranks.getOrDefault(new Merge(ids[i], ids[i + 1]).key(), best));
      }
      if (best == Integer.MAX_VALUE) {
        return java.util.Arrays.copyOf(ids, length);
      }
      length = replace(ids, length, merges.get(best), specials.size() + 256 + best);
    }
  }

  /** Replaces every occurrence of a pair in place, left to right; returns the new length. */
  static int replace(int[] ids, int length, Merge pair, int merged) {
    int to = 0;
    for (int from = 0; from < length; to++) {
      boolean match =
          from + 1 < length && ids[from] == pair.left() && ids[from + 1] == pair.right();
      ids[to] = match ? merged : ids[from];
      from += match ? 2 : 1;
    }
    return to;
  }
}
