package dev.nibble.compress.calibrate;

import dev.nibble.models.Stage;

/** How much each calibration token counts in statistics of a block's inputs. */
@FunctionalInterface
public interface TokenWeights {
  /**
   * Weights of a batch, {@code [sequences, length]} row-major, not negative, with a mean of 1 over
   * a sequence. Safe from several threads; not to be modified.
   */
  float[] of(int batch);

  /** False where all tokens count the same after all. */
  default boolean appliesTo(Stage stage) {
    return true;
  }
}
