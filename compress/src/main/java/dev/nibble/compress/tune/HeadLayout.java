package dev.nibble.compress.tune;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.models.Coupling;

/** Which channels of queries, keys, values and outputs belong together. */
final class HeadLayout {
  private HeadLayout() {}

  /**
   * Producer channel of each reader channel of value → output: with grouped heads a value head
   * serves several query heads.
   */
  static long[] producerOf(Coupling coupling) {
    int dim = coupling.headDim();
    long[] out = new long[Math.multiplyExact(coupling.width(), coupling.repeat())];
    for (int c = 0; c < out.length; c++) {
      out[c] = (long) (c / dim / coupling.repeat()) * dim + c % dim;
    }
    return out;
  }

  /**
   * Index of the scale of each key channel, when the two channels that the rotary embedding turns
   * together share one.
   */
  static long[] tied(ModelConfig config) {
    boolean turned = config.positions() == ModelConfig.Positions.ROPE;
    int half = turned ? config.rope().dim() / 2 : 0;
    long[] out = new long[config.kvSize()];
    for (int c = 0; c < out.length; c++) {
      int within = c % config.headDim();
      out[c] = within >= half && within < 2 * half ? c - half : c;
    }
    return out;
  }

  /** Key channel that each query channel is multiplied with. */
  static long[] keyOf(ModelConfig config) {
    int dim = config.headDim();
    int repeat = config.heads() / config.kvHeads();
    long[] out = new long[config.qSize()];
    for (int c = 0; c < out.length; c++) {
      out[c] = (long) (c / dim / repeat) * dim + c % dim;
    }
    return out;
  }
}
