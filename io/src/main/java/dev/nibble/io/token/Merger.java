package dev.nibble.io.token;

import java.util.Arrays;

/**
 * The joining loop of byte-pair encoding: while any two neighbours have an entry in the table, the
 * pair of lowest priority value, of equals the leftmost, becomes one symbol. A binary heap of
 * candidate pairs makes it O(n log n) for n symbols. One use, one thread.
 */
final class Merger {
  private final PairTable table;
  private int[] symbols;
  private int[] next;
  private int[] previous;
  private int size;

  /** Candidates: priority in the upper, position of the left symbol in the lower half. */
  private long[] heap = new long[32];

  /** Symbol each candidate would make; one whose pair has changed since is passed over. */
  private int[] made = new int[32];

  private int heapSize;

  Merger(PairTable table, int expected) {
    this.table = table;
    this.symbols = new int[Math.max(8, expected)];
  }

  void add(int symbol) {
    if (size == symbols.length) {
      symbols = Arrays.copyOf(symbols, size * 2);
    }
    symbols[size++] = symbol;
  }

  /** Joins what can be joined and appends the remaining symbols. */
  void run(IdBuffer out) {
    link();
    while (heapSize > 0) {
      int left = (int) heap[0];
      int symbol = made[0];
      pop();
      int right = symbols[left] < 0 ? size : next[left];
      if (right == size) {
        continue;
      }
      int entry = table.find(symbols[left], symbols[right]);
      if (entry < 0 || table.result(entry) != symbol) {
        continue;
      }
      join(left, right, symbol);
    }
    for (int i = 0; i < size; i = next[i]) {
      out.add(symbols[i]);
    }
  }

  private void link() {
    next = new int[size];
    previous = new int[size];
    for (int i = 0; i < size; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
    }
    for (int i = 0; i + 1 < size; i++) {
      offer(i, i + 1);
    }
  }

  private void join(int left, int right, int symbol) {
    symbols[left] = symbol;
    symbols[right] = -1;
    next[left] = next[right];
    if (next[left] < size) {
      previous[next[left]] = left;
      offer(left, next[left]);
    }
    if (previous[left] >= 0) {
      offer(previous[left], left);
    }
  }

  private void offer(int left, int right) {
    int entry = table.find(symbols[left], symbols[right]);
    if (entry < 0) {
      return;
    }
    if (heapSize == heap.length) {
      heap = Arrays.copyOf(heap, heapSize * 2);
      made = Arrays.copyOf(made, heapSize * 2);
    }
    long candidate = (long) table.priority(entry) << 32 | left;
    int at = heapSize++;
    while (at > 0 && heap[(at - 1) >> 1] > candidate) {
      move((at - 1) >> 1, at);
      at = (at - 1) >> 1;
    }
    heap[at] = candidate;
    made[at] = table.result(entry);
  }

  private void pop() {
    heapSize--;
    long candidate = heap[heapSize];
    int symbol = made[heapSize];
    int at = 0;
    while (2 * at + 1 < heapSize) {
      int child = 2 * at + 1;
      if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
        child++;
      }
      if (heap[child] >= candidate) {
        break;
      }
      move(child, at);
      at = child;
    }
    heap[at] = candidate;
    made[at] = symbol;
  }

  private void move(int from, int to) {
    heap[to] = heap[from];
    made[to] = made[from];
  }
}
