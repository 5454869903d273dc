/**
 * The forward pass of a decoder-only transformer, built from {@link
 * dev.nibble.core.model.ModelConfig} alone: embedding, attention over a key-value cache, MLP, head.
 */
package dev.nibble.runtime.decoder;
