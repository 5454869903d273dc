/**
 * Matrix kernels on the Vector API: one matrix-times-vector kernel per stored type for decoding,
 * one float tile for prefill and attention, and the table that chooses between them.
 *
 * <p>Every kernel is tested against {@link dev.nibble.core.tensor.PackedTensor#dequantize}, the
 * scalar truth. Results never depend on the number of threads: an output element is summed by one
 * thread in one fixed order.
 */
package dev.nibble.runtime.kernel;
