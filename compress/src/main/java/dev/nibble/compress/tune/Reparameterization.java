package dev.nibble.compress.tune;

import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Stand-ins for tensors of a block that are differentiable functions of what is trained. Owns its
 * native memory.
 */
public interface Reparameterization extends AutoCloseable {

  /** What is trained, in a fixed order. */
  List<Trainable> trainables();

  /** Names of the stand-ins, in a fixed order: parameters of the block, and input matrices. */
  List<String> names();

  /**
   * The stand-in with its graph, a new tensor of the enclosing scope. Called on several threads at
   * once, for different names, while nothing is changed.
   */
  Tensor value(String name);

  /** Stand-ins that are input matrices, by the site whose input they multiply. */
  default Map<String, String> inputMatrices() {
    return Map.of();
  }

  /**
   * An epoch of training begins.
   *
   * @param epoch counted from 0
   * @param epochs how many there are
   */
  default void begin(int epoch, int epochs) {}

  /** Brings the trained numbers back to where they are allowed; called after every update. */
  default void project() {}

  @Override
  void close();
}
