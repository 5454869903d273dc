/**
 * The arithmetic of weights that are sums of learned codewords: clustering, search for codes,
 * gradients of codewords and scales. Shared by the steps that make such weights and by those that
 * train them; knows no step.
 */
package dev.nibble.compress.codebook;
