package dev.nibble.compress.tune;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A place of a block where a trained change of basis leaves the function as it is: what is done to
 * one tensor is undone at another. Owns its native memory.
 */
interface Place extends AutoCloseable {

  /** The site or norm that it begins at, for events. */
  String name();

  /** What is trained, in a fixed order. */
  List<Trainable> trainables();

  /** Names of the parameters that it changes. */
  Set<String> parameters();

  /**
   * A changed parameter; differentiable, in the type of {@code value}.
   *
   * @param parameter one of {@link #parameters}
   * @param value what it is before this change
   * @param before any parameter of the block before this change
   */
  Tensor map(String parameter, Tensor value, Function<String, Tensor> before);

  /** Sites whose input is multiplied by {@link #inputMatrix} at run time. */
  default List<String> inputSites() {
    return List.of();
  }

  /** {@code [in, in]}, differentiable; only with input sites. */
  default Tensor inputMatrix(ScalarType type) {
    throw new IllegalStateException(name() + " has no input matrix");
  }

  /** See {@link Reparameterization#begin}. */
  default void begin(int epoch, int epochs) {}

  /** See {@link Reparameterization#project}. */
  default void project() {}

  /** Why what was trained must not be folded; empty when it may. */
  default Optional<String> problem() {
    return Optional.empty();
  }

  /** Lines for the report, by kind of event without the step's name. */
  default Map<String, String> report() {
    return Map.of();
  }

  @Override
  void close();
}
