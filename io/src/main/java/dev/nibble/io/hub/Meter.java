package dev.nibble.io.hub;

import dev.nibble.core.progress.Progress;
import java.util.concurrent.atomic.AtomicLong;

/** Bytes that arrived, for the user; bytes that must be fetched again are not counted twice. */
final class Meter {
  private final Progress.Task task;
  private final AtomicLong again = new AtomicLong();

  Meter(Progress.Task task) {
    this.task = task;
  }

  /** {@code bytes} more arrived. */
  void arrived(long bytes) {
    long repeated = again.getAndUpdate(left -> Math.max(0, left - bytes));
    if (bytes > repeated) {
      task.advance(bytes - repeated);
    }
  }

  /** {@code bytes} that arrived before were discarded. */
  void discarded(long bytes) {
    again.addAndGet(bytes);
  }
}
