package dev.nibble.pipeline.run;

import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.io.data.DataCatalog;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What to run, and with what.
 *
 * @param model directory or GGUF file
 * @param recipe what to do to it
 * @param memoryLimit most bytes of anonymous memory, 0 for no limit; does not change results
 * @param threads tasks at once, 1 to 1024; does not change results
 * @param data where data ids lead
 * @param cache folder for scores that another run can use, empty to keep none
 * @param progress told how far the run is
 * @param probe measure a little of the work first, to forecast the time
 */
public record RunOptions(
    Path model,
    Recipe recipe,
    long memoryLimit,
    int threads,
    DataCatalog data,
    Optional<Path> cache,
    Progress progress,
    boolean probe) {

  /** Checks the ranges. */
  public RunOptions {
    if (threads < 1 || threads > 1024) {
      throw new NibbleException("--threads must be 1 to 1024, not " + threads);
    }
    if (memoryLimit < 0) {
      throw new NibbleException("--memory must be positive, not " + memoryLimit);
    }
  }
}
