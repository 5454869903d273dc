/**
 * Perplexity under four named protocols. They give four different numbers on the same text, so a
 * result always carries its protocol, window, stride, BOS policy and token count.
 */
package dev.nibble.eval.perplexity;
