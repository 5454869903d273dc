package dev.nibble.runtime;

import dev.nibble.core.NibbleException;
import dev.nibble.runtime.decoder.KvKind;
import dev.nibble.runtime.decoder.KvKinds;

/**
 * How a model runs.
 *
 * @param threads threads including the caller's, 1 to 1024
 * @param cache element types of the key-value cache of a decoder; an encoder keeps nothing and
 *     always has single precision
 * @param contextLength most tokens of a session; 0 for the length the model was trained for
 * @param chunk tokens that prefill runs at a time, at least 1
 * @param activations what linear layers of sessions make of their inputs
 */
public record RuntimeOptions(
    int threads, KvKinds cache, int contextLength, int chunk, Activations activations) {

  /**
   * All processors, half-precision cache, the model's own context length, 512-token chunks,
   * activations of 8 bits.
   */
  public static final RuntimeOptions DEFAULT =
      new RuntimeOptions(
          Runtime.getRuntime().availableProcessors(),
          KvKinds.of(KvKind.FP16),
          0,
          512,
          Activations.INT8);

  /** Checks ranges. */
  public RuntimeOptions {
    if (threads < 1 || threads > 1024) {
      throw new NibbleException("--threads must be 1 to 1024, not " + threads);
    }
    if (contextLength < 0) {
      throw new NibbleException("the context length must not be negative, but is " + contextLength);
    }
    if (chunk < 1) {
      throw new NibbleException("the prefill chunk must be at least 1 token, not " + chunk);
    }
  }

  /** The same with another number of threads. */
  public RuntimeOptions withThreads(int other) {
    return new RuntimeOptions(other, cache, contextLength, chunk, activations);
  }

  /** The same with another cache. */
  public RuntimeOptions withCache(KvKinds other) {
    return new RuntimeOptions(threads, other, contextLength, chunk, activations);
  }

  /** The same with another context length. */
  public RuntimeOptions withContextLength(int other) {
    return new RuntimeOptions(threads, cache, other, chunk, activations);
  }

  /** The same with another prefill chunk. */
  public RuntimeOptions withChunk(int other) {
    return new RuntimeOptions(threads, cache, contextLength, other, activations);
  }

  /** The same with another handling of activations. */
  public RuntimeOptions withActivations(Activations other) {
    return new RuntimeOptions(threads, cache, contextLength, chunk, other);
  }
}
