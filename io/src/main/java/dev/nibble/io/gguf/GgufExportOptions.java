package dev.nibble.io.gguf;

import dev.nibble.core.ggml.GgmlType;
import java.util.Map;
import java.util.Optional;

/**
 * How to write a model.
 *
 * @param mix type mix; empty to keep every tensor exactly as it is stored
 * @param pure use the mix's base type for every matrix, without its exceptions
 * @param tensorTypes types by part of a GGUF tensor name ({@code output.weight}, {@code ffn_down});
 *     they win over the mix, the longest matching part over shorter ones
 * @param importance mean squared input per column by GGUF tensor name; empty for none
 * @param allowRequantize accept tensors that are already quantized in another way
 * @param threads threads that encode; the bytes do not depend on it
 * @param metadata keys to add or replace
 */
public record GgufExportOptions(
    Optional<GgufMix> mix,
    boolean pure,
    Map<String, GgmlType> tensorTypes,
    Map<String, float[]> importance,
    boolean allowRequantize,
    int threads,
    Map<String, GgufValue> metadata) {

  /** Copies the maps. */
  public GgufExportOptions {
    tensorTypes = Map.copyOf(tensorTypes);
    importance = Map.copyOf(importance);
    metadata = Map.copyOf(metadata);
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be positive, not " + threads);
    }
  }

  /** Every tensor as it is stored. */
  public static GgufExportOptions asStored() {
    return new GgufExportOptions(Optional.empty(), false, Map.of(), Map.of(), false, 1, Map.of());
  }

  /** A mix with its rules, one thread. */
  public static GgufExportOptions of(GgufMix mix) {
    return new GgufExportOptions(Optional.of(mix), false, Map.of(), Map.of(), false, 1, Map.of());
  }

  /** The same with that many threads. */
  public GgufExportOptions withThreads(int count) {
    return new GgufExportOptions(
        mix, pure, tensorTypes, importance, allowRequantize, count, metadata);
  }

  /** The same with an importance matrix. */
  public GgufExportOptions withImportance(Map<String, float[]> matrix) {
    return new GgufExportOptions(
        mix, pure, tensorTypes, matrix, allowRequantize, threads, metadata);
  }

  /** The same with types for some tensors. */
  public GgufExportOptions withTensorTypes(Map<String, GgmlType> types) {
    return new GgufExportOptions(mix, pure, types, importance, allowRequantize, threads, metadata);
  }

  /** The same, accepting tensors that are already quantized. */
  public GgufExportOptions withRequantization() {
    return new GgufExportOptions(mix, pure, tensorTypes, importance, true, threads, metadata);
  }
}
