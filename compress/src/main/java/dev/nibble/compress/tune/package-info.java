/**
 * Tuners: each trains a few numbers of a block (clipping ranges, channel scales, transforms) so
 * that the quantized block, fed with what the quantized blocks before it produce, comes close to
 * the original one. {@link dev.nibble.compress.tune.BlockTuner} is the loop that they share; a
 * method says what is trained, as a {@link dev.nibble.compress.tune.Reparameterization}.
 */
package dev.nibble.compress.tune;
