package dev.nibble.cli;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/** Work that survives an interruption: the same command goes on where it stopped. */
final class Resumable {
  private Resumable() {}

  /** Does the work; Ctrl-C meanwhile says how to go on, and the JVM ends with exit code 130. */
  static <T> T run(Supplier<T> work) {
    AtomicBoolean running = new AtomicBoolean(true);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  if (running.get()) {
                    System.err.println();
                    System.err.println("Interrupted. The same command continues where it stopped.");
                  }
                }));
    try {
      return work.get();
    } finally {
      running.set(false);
    }
  }
}
