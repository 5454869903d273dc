package dev.nibble.eval.tasks;

import dev.nibble.core.NibbleException;

/**
 * How tasks are run.
 *
 * @param limit at most this many items (of each subject), 0 for all; a limited score is marked
 * @param shots number of examples, -1 for the task's own
 * @param seed of the examples
 * @param bos put BOS before every prompt; the harness does not unless told to
 */
public record TaskOptions(int limit, int shots, long seed, boolean bos) {
  /** All items, the tasks' own examples, the harness's seed. */
  public static final TaskOptions DEFAULT = new TaskOptions(0, -1, 1234, false);

  /** Checks the ranges. */
  public TaskOptions {
    if (limit < 0 || shots < -1 || seed < 0) {
      throw new NibbleException("tasks: limit, number of shots and seed must not be negative");
    }
  }

  /** With a limit. */
  public TaskOptions withLimit(int items) {
    return new TaskOptions(items, shots, seed, bos);
  }

  /** With a number of examples. */
  public TaskOptions withShots(int examples) {
    return new TaskOptions(limit, examples, seed, bos);
  }
}
