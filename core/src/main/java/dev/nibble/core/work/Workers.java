package dev.nibble.core.work;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;

/**
 * A fixed number of threads for independent, index-addressed tasks. Results must go to the slot of
 * the task's index, so that nothing depends on the number of threads or on timing.
 */
public final class Workers implements AutoCloseable {
  private final int threads;
  private final ExecutorService pool;

  /** A pool of {@code threads >= 1} daemon threads. */
  public Workers(int threads) {
    this.threads = threads;
    this.pool =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("nibble-", 0).factory());
  }

  /** Number of threads. */
  public int threads() {
    return threads;
  }

  /**
   * Runs {@code task} for 0 to {@code count - 1} and waits for all. The first failure by index is
   * rethrown after all have ended.
   */
  public void forEach(int count, IntConsumer task) {
    if (threads == 1 || count <= 1) {
      for (int i = 0; i < count; i++) {
        task.accept(i);
      }
      return;
    }
    List<Future<?>> running = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      int index = i;
      running.add(pool.submit(() -> task.accept(index)));
    }
    RuntimeException failure = null;
    for (Future<?> f : running) {
      try {
        f.get();
      } catch (ExecutionException e) {
        if (e.getCause() instanceof Error error) {
          throw error;
        }
        if (failure == null) {
          failure =
              e.getCause() instanceof RuntimeException r
                  ? r
                  : new IllegalStateException(e.getCause());
        }
      } catch (InterruptedException e) {
        running.forEach(r -> r.cancel(true));
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  @Override
  public void close() {
    pool.shutdownNow();
  }
}
