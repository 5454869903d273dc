/**
 * Solvers: each turns the weights of linear sites, with or without statistics of their inputs, into
 * packed tensors. The arithmetic is in functions over matrices; a thin step applies it to sites.
 */
package dev.nibble.compress.solve;
