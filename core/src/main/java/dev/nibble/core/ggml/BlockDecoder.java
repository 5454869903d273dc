package dev.nibble.core.ggml;

/** Turns one stored block into floats. */
@FunctionalInterface
interface BlockDecoder {

  /**
   * Decodes the block whose first byte is {@code b[at]} to {@code out[o .. o + blockElements)}.
   * Float32 arithmetic without fused multiply-add, products formed left to right.
   */
  void decode(byte[] b, int at, float[] out, int o);
}
