/**
 * Measures of a model's quality: perplexity, distance to the unquantized model, tasks, and the
 * report that shows them. Everything here sees a model as tokens to logits.
 */
package dev.nibble.eval;
