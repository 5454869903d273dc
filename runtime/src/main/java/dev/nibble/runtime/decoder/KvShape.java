package dev.nibble.runtime.decoder;

import dev.nibble.runtime.kernel.Lanes;

/**
 * What the stores of a cache hold.
 *
 * @param arrays layers times key-value heads; array {@code layer * kvHeads + head} is one head's
 * @param headDim numbers per head and position
 */
record KvShape(int arrays, int headDim) {
  /** Dimensions that share a scale in the quantized kinds; a multiple of every panel width. */
  static final int GROUP = 32;

  /** Groups of a head; the last may be short. */
  int groups() {
    return (headDim + GROUP - 1) / GROUP;
  }

  /** Value slices of {@link Lanes#PANEL} dimensions; the last may be part padding. */
  int slices() {
    return Lanes.padded(headDim) / Lanes.PANEL;
  }
}
