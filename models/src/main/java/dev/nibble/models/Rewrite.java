package dev.nibble.models;

import org.bytedeco.pytorch.Tensor;

/**
 * A pending change of weights, applied while a block is loaded (so that a model-wide rotation needs
 * the memory of one block). Applied in the order installed.
 */
@FunctionalInterface
public interface Rewrite {
  /**
   * Returns the rewritten tensor, or {@code value} itself when this rewrite does not concern it.
   *
   * @param name canonical tensor name
   * @param value fp64 on load; the implementation may return a new tensor and must not keep {@code
   *     value}
   */
  Tensor apply(String name, Tensor value);
}
