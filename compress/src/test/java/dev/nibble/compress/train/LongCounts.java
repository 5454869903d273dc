package dev.nibble.compress.train;

import java.util.Arrays;
import java.util.function.IntConsumer;

/** Counts by 64-bit key, 0 excepted: open addressing, because n-gram tables have millions. */
final class LongCounts {
  private long[] keys = new long[1 << 10];
  private int[] counts = new int[1 << 10];
  private int size;

  private int slot(long key) {
    int mask = keys.length - 1;
    int at = (int) (key ^ (key >>> 32)) & mask;
    while (keys[at] != 0 && keys[at] != key) {
      at = (at + 1) & mask;
    }
    return at;
  }

  /** Adds to a count and returns the new one. */
  int add(long key, int amount) {
    if (size * 2 > keys.length) {
      grow();
    }
    int at = slot(key);
    if (keys[at] == 0) {
      keys[at] = key;
      size++;
    }
    counts[at] += amount;
    return counts[at];
  }

  int get(long key) {
    int at = slot(key);
    return keys[at] == 0 ? 0 : counts[at];
  }

  void forEachCount(IntConsumer action) {
    Arrays.stream(counts).filter(c -> c > 0).forEach(action);
  }

  private void grow() {
    long[] oldKeys = keys;
    int[] oldCounts = counts;
    keys = new long[oldKeys.length * 2];
    counts = new int[oldKeys.length * 2];
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != 0) {
        int at = slot(oldKeys[i]);
        keys[at] = oldKeys[i];
        counts[at] = oldCounts[i];
      }
    }
  }
}
