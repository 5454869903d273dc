/** The block types of GGUF files: sizes, decoders and encoders. */
package dev.nibble.core.ggml;
