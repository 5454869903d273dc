package dev.nibble.runtime.decoder;

/** Element type of the key-value cache. */
public enum KvKind {
  FP32,
  FP16
}
