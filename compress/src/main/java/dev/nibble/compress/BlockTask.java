package dev.nibble.compress;

import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import org.bytedeco.pytorch.Tensor;

/** What a step sees of the block at hand. */
public interface BlockTask {

  /** The loaded block. */
  Block block();

  /** Index of the block among all blocks (embedding is 0). */
  int index();

  /** Number of calibration batches, 0 when the step asked for none. */
  int batches();

  /**
   * Input of the block for a calibration batch: {@code [batch, seq, hidden]}; a new tensor that the
   * caller frees. Safe from several threads.
   */
  Tensor input(int batch);

  /** Threads for independent tasks. */
  Workers workers();

  /** Seed derived from recipe, step and {@code what} (usually a site name). */
  long seed(String what);

  /** Where notable things are recorded. */
  Events events();
}
