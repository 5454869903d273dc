/**
 * GGUF, the single-file model container of the llama.cpp family: a reader that trusts nothing, a
 * streaming writer, a view of a file as {@link dev.nibble.core.model.ModelWeights}, and the export
 * of any such view with one of the customary per-tensor type mixes.
 */
package dev.nibble.io.gguf;
