package dev.nibble.core.ggml;

/** Turns the floats of one block into its stored form. */
@FunctionalInterface
interface BlockEncoder {

  /**
   * Encodes {@code x[o .. o + blockElements)} to {@code b[at .. at + blockBytes)}. Float32
   * arithmetic without fused multiply-add, sums in index order, so that the bytes equal the
   * reference's.
   *
   * @param importance column weights, or null for none
   * @param column index of the block's first element in its row
   */
  void encode(float[] x, int o, Importance importance, int column, byte[] b, int at);
}
