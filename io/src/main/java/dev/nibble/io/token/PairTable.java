package dev.nibble.io.token;

import java.util.Arrays;

/** Hash table from a pair of symbols to the priority of joining them and the symbol it makes. */
final class PairTable {
  private long[] keys;
  private int[] priorities;
  private int[] results;
  private int size;

  PairTable(int expected) {
    allocate(Math.max(16, Integer.highestOneBit(Math.max(1, expected)) << 2));
  }

  private void allocate(int capacity) {
    keys = new long[capacity];
    Arrays.fill(keys, -1);
    priorities = new int[capacity];
    results = new int[capacity];
    size = 0;
  }

  /** Sets a pair's entry, replacing an earlier one. Symbols are not negative. */
  void put(int left, int right, int priority, int result) {
    if (size * 2 >= keys.length) {
      grow();
    }
    long key = key(left, right);
    int slot = slot(key);
    if (keys[slot] != key) {
      keys[slot] = key;
      size++;
    }
    priorities[slot] = priority;
    results[slot] = result;
  }

  /** Where a pair's entry is, -1 when the pair does not join. */
  int find(int left, int right) {
    long key = key(left, right);
    int slot = slot(key);
    return keys[slot] == key ? slot : -1;
  }

  /** Priority of an entry that {@link #find} gave; the lowest joins first. */
  int priority(int entry) {
    return priorities[entry];
  }

  /** Symbol that an entry makes. */
  int result(int entry) {
    return results[entry];
  }

  private static long key(int left, int right) {
    return (long) left << 32 | right;
  }

  private int slot(long key) {
    int mask = keys.length - 1;
    long mixed = key * 0x9E3779B97F4A7C15L;
    int slot = (int) (mixed >>> 32) & mask;
    while (keys[slot] != -1 && keys[slot] != key) {
      slot = slot + 1 & mask;
    }
    return slot;
  }

  private void grow() {
    long[] oldKeys = keys;
    int[] oldPriorities = priorities;
    int[] oldResults = results;
    allocate(oldKeys.length * 2);
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != -1) {
        int slot = slot(oldKeys[i]);
        keys[slot] = oldKeys[i];
        priorities[slot] = oldPriorities[i];
        results[slot] = oldResults[i];
        size++;
      }
    }
  }
}
