package dev.nibble.runtime.kernel;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * Fork-join for short parallel loops: the caller and {@code threads - 1} daemon threads claim chunk
 * numbers from one counter. Idle threads spin briefly and then park. {@link #run} allocates
 * nothing.
 *
 * <p>One caller at a time. Which thread runs a chunk is arbitrary, so a chunk must write only to
 * its own part of the result.
 */
public final class Team implements AutoCloseable {
  private static final int SPINS = 4000;
  private static final long FIELD = (1L << 20) - 1;

  /** A parallel loop's body. */
  @FunctionalInterface
  public interface Task {
    /**
     * Runs one chunk.
     *
     * @param chunk 0 to count - 1
     * @param worker 0 to threads - 1, unique among the threads running at this moment
     */
    void run(int chunk, int worker);
  }

  private final int threads;
  private final Thread[] workers;
  private final AtomicInteger[] parked;
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  /** Epoch (24 bits), number of chunks (20 bits), next unclaimed chunk (20 bits). */
  private final AtomicLong state = new AtomicLong();

  private final AtomicInteger done = new AtomicInteger();
  private volatile Thread waiting;
  private volatile boolean closed;
  private Task task;

  /**
   * Starts the threads.
   *
   * @param threads number of threads including the caller's, at least 1
   */
  public Team(int threads) {
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException("1 to 1024 threads, not " + threads);
    }
    this.threads = threads;
    this.workers = new Thread[threads - 1];
    this.parked = new AtomicInteger[threads - 1];
    for (int i = 0; i < workers.length; i++) {
      int index = i;
      parked[i] = new AtomicInteger();
      workers[i] =
          Thread.ofPlatform().daemon().name("nibble-run-" + (i + 1)).unstarted(() -> work(index));
    }
    for (Thread t : workers) {
      t.start();
    }
  }

  /** Number of threads including the caller's. */
  public int threads() {
    return threads;
  }

  /**
   * Runs {@code body} for chunks 0 to {@code count - 1} and returns when all have ended. The first
   * failure is rethrown.
   */
  public void run(int count, Task body) {
    if (count > FIELD) {
      throw new IllegalArgumentException("too many chunks: " + count);
    }
    if (threads == 1 || count <= 1) {
      for (int i = 0; i < count; i++) {
        body.run(i, 0);
      }
      return;
    }
    task = body;
    done.set(0);
    state.set((((state.get() >>> 40) + 1) << 40) | ((long) count << 20));
    for (int i = 0; i < workers.length; i++) {
      if (parked[i].get() != 0) {
        LockSupport.unpark(workers[i]);
      }
    }
    claim(0);
    await(count);
    Throwable failed = failure.getAndSet(null);
    if (failed instanceof RuntimeException e) {
      throw e;
    }
    if (failed instanceof Error e) {
      throw e;
    }
  }

  private void await(int count) {
    for (int spins = 0; done.get() != count; spins++) {
      if (spins < SPINS) {
        Thread.onSpinWait();
      } else {
        waiting = Thread.currentThread();
        if (done.get() != count) {
          LockSupport.park(this);
        }
        waiting = null;
      }
    }
  }

  /** Runs chunks until none is left; the claim is a compare-and-set on epoch and chunk together. */
  private void claim(int worker) {
    while (true) {
      long seen = state.get();
      int count = (int) ((seen >>> 20) & FIELD);
      int chunk = (int) (seen & FIELD);
      if (chunk >= count) {
        return;
      }
      if (!state.compareAndSet(seen, seen + 1)) {
        continue;
      }
      try {
        task.run(chunk, worker);
      } catch (RuntimeException | Error e) {
        failure.compareAndSet(null, e);
      }
      if (done.incrementAndGet() == count) {
        Thread caller = waiting;
        if (caller != null) {
          LockSupport.unpark(caller);
        }
      }
    }
  }

  private boolean hasWork() {
    long seen = state.get();
    return (seen & FIELD) < ((seen >>> 20) & FIELD);
  }

  private void work(int index) {
    int idle = 0;
    while (!closed) {
      if (hasWork()) {
        claim(index + 1);
        idle = 0;
      } else if (++idle < SPINS) {
        Thread.onSpinWait();
      } else {
        parked[index].set(1);
        if (!hasWork() && !closed) {
          LockSupport.park(this);
        }
        parked[index].set(0);
        idle = 0;
      }
    }
  }

  /** Ends the threads. */
  @Override
  public void close() {
    closed = true;
    for (Thread t : workers) {
      LockSupport.unpark(t);
    }
  }
}
