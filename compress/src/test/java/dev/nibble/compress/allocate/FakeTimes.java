package dev.nibble.compress.allocate;

import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.KernelTimes;
import java.util.OptionalDouble;
import java.util.function.ToDoubleFunction;

/**
 * A machine as a test wants it.
 *
 * @param of seconds of a weight, NaN where it has no kernel
 */
record FakeTimes(ToDoubleFunction<PackedTensor> of) implements KernelTimes {
  @Override
  public String machine() {
    return "fake";
  }

  @Override
  public OptionalDouble seconds(PackedTensor weight) {
    double seconds = of.applyAsDouble(weight);
    return Double.isNaN(seconds) ? OptionalDouble.empty() : OptionalDouble.of(seconds);
  }
}
