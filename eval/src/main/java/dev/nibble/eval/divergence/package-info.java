/**
 * Distance of a quantized model to the original on the same token windows: Kullback–Leibler
 * divergence, agreement of the most likely tokens, change of the true token's probability. This is
 * the gate of a quantization; perplexity only accompanies it.
 */
package dev.nibble.eval.divergence;
