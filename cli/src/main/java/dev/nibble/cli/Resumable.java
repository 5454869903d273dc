package dev.nibble.cli;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/** Work that survives an interruption: the same command goes on where it stopped. */
final class Resumable {
  private static final int INTERRUPTED = 130;

  private Resumable() {}

  /**
   * Does the work. Ctrl-C meanwhile says how to go on and ends the process with exit code 130, at
   * once: an orderly exit would unload libtorch under the threads that are still inside it.
   */
  static <T> T run(Supplier<T> work) {
    AtomicBoolean running = new AtomicBoolean(true);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  if (running.get()) {
                    System.err.println();
                    System.err.println("Interrupted. The same command continues where it stopped.");
                    Runtime.getRuntime().halt(INTERRUPTED);
                  }
                }));
    try {
      return work.get();
    } finally {
      running.set(false);
    }
  }
}
