/**
 * Learning a tokenizer from text: byte-level byte-pair encoding, written as the {@code
 * tokenizer.json} that Hugging Face's tools and {@link dev.nibble.io.token} read.
 */
package dev.nibble.io.token.train;
