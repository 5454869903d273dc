package dev.nibble.io.gguf;

import dev.nibble.core.ggml.GgmlType;

/**
 * Where a tensor lies in a file.
 *
 * @param name name in the file
 * @param shape slowest axis first (the reverse of the file's order)
 * @param type element type
 * @param offset absolute byte position
 * @param byteSize length in bytes
 */
public record GgufTensorInfo(String name, long[] shape, GgmlType type, long offset, long byteSize) {

  /** Copies the array. */
  public GgufTensorInfo {
    shape = shape.clone();
  }

  @Override
  public long[] shape() {
    return shape.clone();
  }
}
