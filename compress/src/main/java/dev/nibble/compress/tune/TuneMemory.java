package dev.nibble.compress.tune;

import dev.nibble.compress.Step.BlockShape;
import dev.nibble.models.Site;

/** Memory of {@link BlockTuner}, as measured on small models. */
final class TuneMemory {
  /** Copies of the weights in stand-ins and the graphs behind them. */
  private static final int GRAPH_COPIES = 9;

  /** Copies of what goes in and out of linears that a backward pass keeps. */
  private static final int KEPT_ACTIVATIONS = 3;

  private TuneMemory() {}

  /** Most that is held at once while a block of this shape is tuned. */
  static long bytes(BlockShape shape, TuneOptions options) {
    long weights = 0;
    long width = 0;
    for (var stage : shape.stages()) {
      for (Site site : stage.sites()) {
        weights += (long) site.outputs() * site.inputs();
        width += site.outputs() + site.inputs();
      }
    }
    int teacher = options.augLoss() ? 1 : 0;
    int atOnce = Math.min(shape.threads(), options.batchSize());
    return Float.BYTES
        * (weights * (GRAPH_COPIES + teacher + atOnce)
            + KEPT_ACTIVATIONS * width * shape.sequenceTokens() * atOnce);
  }
}
