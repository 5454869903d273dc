package dev.nibble.io.hub;

import dev.nibble.core.progress.Progress;
import java.io.IOException;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Tries again what failed for a reason that may pass. The pause doubles with each failure in a row,
 * or is what the hub asked for; an attempt that got further than any before it starts the count
 * anew, so that a weak line is no reason to give up.
 */
final class Patience {
  private static final int ATTEMPTS = 5;
  private static final Duration LONGEST = Duration.ofMinutes(6);

  private final Duration first;
  private final Progress progress;

  Patience(Duration first, Progress progress) {
    this.first = first;
    this.progress = progress;
  }

  /** Something that may fail for a while. */
  @FunctionalInterface
  interface Attempt<T> {
    /** Throws IOException when it is worth trying again. */
    T run() throws IOException;
  }

  /** The hub is busy or broken for now. */
  static final class Busy extends IOException {
    private static final long serialVersionUID = 1L;
    private final Duration wait;

    /**
     * @param wait pause the hub asked for, zero when it did not
     */
    Busy(String message, Duration wait) {
      super(message);
      this.wait = wait;
    }
  }

  /**
   * Runs {@code attempt} until it succeeds.
   *
   * @param what named in errors
   * @param done how far the work is, in any unit; compared between attempts
   * @throws HubTrouble.Unreachable when it failed too often, or the hub asks for too long a pause
   */
  <T> T insist(HubTrouble trouble, String what, LongSupplier done, Attempt<T> attempt) {
    long best = done.getAsLong();
    int failures = 0;
    while (true) {
      try {
        return attempt.run();
      } catch (IOException e) {
        if (done.getAsLong() > best) {
          best = done.getAsLong();
          failures = 0;
        }
        failures++;
        Duration pause = pause(failures, e);
        if (failures >= ATTEMPTS || pause.compareTo(LONGEST) > 0) {
          throw trouble.unreachable(what, e);
        }
        if (pause.toSeconds() >= 10) {
          progress.note("waiting " + pause.toSeconds() + " s: " + e.getMessage());
        }
        sleep(pause);
      }
    }
  }

  private Duration pause(int failures, IOException e) {
    Duration own = first.multipliedBy(1L << (failures - 1));
    return e instanceof Busy busy && busy.wait.compareTo(own) > 0 ? busy.wait : own;
  }

  private static void sleep(Duration pause) {
    try {
      Thread.sleep(pause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
