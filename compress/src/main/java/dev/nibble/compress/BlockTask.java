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
   * caller frees. As the blocks quantized so far produce it, or as the original network does when
   * the step asked for that alone. Safe from several threads.
   */
  Tensor input(int batch);

  /** As {@link #input}, but always what the original network produces. */
  Tensor originalInput(int batch);

  /**
   * What the original block makes of {@link #originalInput}: {@code [batch, seq, hidden]}; a new
   * tensor that the caller frees. Not for the head, whose logits nobody keeps.
   */
  Tensor originalOutput(int batch);

  /**
   * The block as it was before any step changed it, with the model's rewrites; loaded anew, closed
   * by the caller.
   */
  Block loadOriginal();

  /** What steps tell each other about this block. */
  BlockNotes notes();

  /** Threads for independent tasks. */
  Workers workers();

  /** Seed derived from recipe, step and {@code what} (usually a site name). */
  long seed(String what);

  /** Where notable things are recorded. */
  Events events();
}
