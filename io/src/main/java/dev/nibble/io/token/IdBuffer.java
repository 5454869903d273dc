package dev.nibble.io.token;

import java.util.Arrays;

/** A growing list of ids. */
final class IdBuffer {
  private int[] ids = new int[64];
  private int size;

  void add(int id) {
    if (size == ids.length) {
      ids = Arrays.copyOf(ids, size + (size >> 1));
    }
    ids[size++] = id;
  }

  void addAll(int[] more) {
    for (int id : more) {
      add(id);
    }
  }

  int size() {
    return size;
  }

  int get(int index) {
    return ids[index];
  }

  /** Ids from {@code start} on. */
  int[] tail(int start) {
    return Arrays.copyOfRange(ids, start, size);
  }

  int[] toArray() {
    return tail(0);
  }
}
