/**
 * Architectures as libtorch forward passes that know their own sites (what can be quantized),
 * stages (what shares an input) and couplings (what may be rewritten together). Nothing here knows
 * a quantization method.
 */
package dev.nibble.models;
