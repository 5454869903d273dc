package dev.nibble.runtime.kernel;

import dev.nibble.core.tensor.PackedTensor;

/**
 * A way to multiply by one kind of stored weight. The place where emitted machine code will
 * register beside the Vector API.
 */
public interface MatmulKernel {

  /** Name for logs and reports. */
  String name();

  /** Whether {@link #bind} takes this tensor: type, bits, group size and alignment all fit. */
  boolean accepts(PackedTensor weight);

  /** Binds a two-dimensional tensor that it accepts. */
  Matrix bind(PackedTensor weight);
}
