/**
 * Scalar reference of rounding to nearest: the grids of integer quantization, the scales of level
 * tables, and the search for a better clip. Every solver and every kernel is judged against it.
 */
package dev.nibble.core.rounding;
