/**
 * What all measures share: token windows with the targets that are scored in them, the arithmetic
 * of a logits row, and the pass that reads a window's rows and spreads the work over threads.
 */
package dev.nibble.eval.scoring;
