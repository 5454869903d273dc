/**
 * Layouts in which other tools keep quantized linears of Hugging Face models: GPTQ, AWQ and
 * compressed-tensors. Each is read as {@link dev.nibble.io.model.WeightLayout} and written by
 * {@link dev.nibble.io.interop.HuggingFaceExport}; codes, scales and zero-points are moved, never
 * rounded.
 */
package dev.nibble.io.interop;
