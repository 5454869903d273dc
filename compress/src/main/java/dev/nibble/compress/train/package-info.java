/**
 * Training a small Llama-style language model from text: tokenizer, data, optimizer, checkpoints,
 * and the Hugging Face directory that comes out. The network is {@link
 * dev.nibble.models.ResidentModel}; everything here is deterministic for any number of threads.
 */
package dev.nibble.compress.train;
