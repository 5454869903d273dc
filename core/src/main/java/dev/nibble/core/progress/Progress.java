package dev.nibble.core.progress;

/** Where long work reports how far it is. Implementations are thread-safe. */
public interface Progress {

  /** Ignores everything. */
  Progress SILENT =
      new Progress() {
        @Override
        public Task start(String what, long total, String unit) {
          return new Task() {
            @Override
            public void advance(long n) {}

            @Override
            public void close() {}
          };
        }

        @Override
        public void note(String line) {}
      };

  /**
   * Begins a piece of work.
   *
   * @param what shown to the user, as {@code "quantize model.layers.3"}
   * @param total number of units, or 0 when unknown
   * @param unit plural noun, as {@code "blocks"}
   */
  Task start(String what, long total, String unit);

  /** A line worth keeping in the log (a fallback taken, a file resumed). */
  void note(String line);

  /** A running piece of work; closing it ends it. */
  interface Task extends AutoCloseable {
    /** {@code n} more units are done. */
    void advance(long n);

    @Override
    void close();
  }
}
