package dev.nibble.compress.calibrate;

/** How much each calibration token counts in statistics of a block's inputs. */
@FunctionalInterface
public interface TokenWeights {
  /**
   * Weights of a batch, {@code [sequences, length]} row-major, not negative and not all zero. Safe
   * from several threads; not to be modified.
   */
  float[] of(int batch);
}
