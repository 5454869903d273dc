package dev.nibble.cli;

import java.util.ArrayDeque;

/** Time left, from the rate over a moving window of the latest reports. */
final class Eta {
  private static final long WINDOW_NANOS = 60_000_000_000L;
  private static final long WARM_NANOS = 1_000_000_000L;

  private record Sample(long time, long done) {}

  private final ArrayDeque<Sample> samples = new ArrayDeque<>();

  /** {@code done} units were finished at {@code nanos}. */
  void add(long nanos, long done) {
    if (samples.size() > 1 && nanos - samples.peekLast().time() < WARM_NANOS / 20) {
      samples.removeLast();
    }
    samples.addLast(new Sample(nanos, done));
    while (samples.size() > 2 && nanos - samples.peekFirst().time() > WINDOW_NANOS) {
      samples.removeFirst();
    }
  }

  /** Seconds for {@code left} more units, or -1 while there is too little to tell. */
  double secondsLeft(long now, long left) {
    Sample first = samples.peekFirst();
    Sample last = samples.peekLast();
    if (first == null || last.done() <= first.done() || now - first.time() < WARM_NANOS) {
      return -1;
    }
    double rate = (last.done() - first.done()) / (double) (last.time() - first.time());
    return Math.max(0, left / rate - (now - last.time())) / 1e9;
  }
}
