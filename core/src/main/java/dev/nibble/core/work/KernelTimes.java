package dev.nibble.core.work;

import dev.nibble.core.tensor.PackedTensor;
import java.util.OptionalDouble;

/**
 * How long this machine takes to multiply one input row with a stored weight. The answer depends on
 * the weight's type and shape, not on its values.
 */
public interface KernelTimes {

  /** Nothing is known, because nothing runs here. */
  KernelTimes NONE =
      new KernelTimes() {
        @Override
        public String machine() {
          return "none";
        }

        @Override
        public OptionalDouble seconds(PackedTensor weight) {
          return OptionalDouble.empty();
        }
      };

  /** Everything that times depend on besides the weight: processor, threads. */
  String machine();

  /**
   * Median seconds of one product with a single input row.
   *
   * @param weight {@code [rows, columns]} of any content
   * @return empty when no kernel is made for weights of this type
   */
  OptionalDouble seconds(PackedTensor weight);
}
