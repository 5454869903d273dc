/**
 * How far a quantized encoder is from its original: directions of its vectors, neighbours found
 * with them, predictions of its head, and agreement with people's judgement of similarity.
 */
package dev.nibble.eval.encoding;
