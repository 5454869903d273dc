package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.tensor.PackedTensor;

/**
 * Writes and reads one kind of packed tensor. Its javadoc specifies descriptor and components; the
 * bytes of a component are specified by the class of the tensor.
 *
 * @param <T> the kind
 */
interface TensorCodec<T extends PackedTensor> {

  /** What the descriptor calls the kind. */
  String type();

  /** Class of the kind. */
  Class<T> kind();

  /** Adds the descriptor's fields but {@code type} and {@code shape}. */
  void describe(T tensor, ObjectNode descriptor);

  /** Adds the components, as views. */
  void write(T tensor, ComponentWriter out);

  /**
   * Reads the tensor.
   *
   * @throws dev.nibble.core.ModelFormatException when descriptor or components are damaged
   */
  T read(ComponentReader in);
}
