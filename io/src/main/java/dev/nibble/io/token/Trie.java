package dev.nibble.io.token;

import java.util.Arrays;

/** Prefix tree over code points with a number at the end of each entry. */
final class Trie {
  static final int ROOT = 0;
  private static final int NONE = -1;

  private long[] keys = new long[64];
  private int[] children = new int[64];
  private int[] values = {NONE};
  private int nodes = 1;

  Trie() {
    Arrays.fill(keys, NONE);
  }

  /** Sets the value of a text, 0 or more, replacing an earlier one. */
  void put(String text, int value) {
    int node = ROOT;
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      int child = child(node, c);
      node = child >= 0 ? child : grow(node, c);
    }
    values[node] = value;
  }

  /** The node a character leads to, -1 when there is none. */
  int child(int node, int c) {
    long key = (long) node << 21 | c;
    int slot = slot(key);
    return keys[slot] == key ? children[slot] : NONE;
  }

  /** Value of the text that ends at a node, -1 when none does. */
  int value(int node) {
    return values[node];
  }

  boolean isEmpty() {
    return nodes == 1;
  }

  private int grow(int parent, int c) {
    if (nodes == values.length) {
      values = Arrays.copyOf(values, nodes * 2);
    }
    values[nodes] = NONE;
    if (nodes * 2 >= keys.length) {
      rehash();
    }
    long key = (long) parent << 21 | c;
    int slot = slot(key);
    keys[slot] = key;
    children[slot] = nodes;
    return nodes++;
  }

  private void rehash() {
    long[] oldKeys = keys;
    int[] oldChildren = children;
    keys = new long[oldKeys.length * 2];
    children = new int[oldKeys.length * 2];
    Arrays.fill(keys, NONE);
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != NONE) {
        int slot = slot(oldKeys[i]);
        keys[slot] = oldKeys[i];
        children[slot] = oldChildren[i];
      }
    }
  }

  private int slot(long key) {
    int mask = keys.length - 1;
    int slot = (int) ((key * 0x9E3779B97F4A7C15L) >>> 32) & mask;
    while (keys[slot] != NONE && keys[slot] != key) {
      slot = slot + 1 & mask;
    }
    return slot;
  }
}
