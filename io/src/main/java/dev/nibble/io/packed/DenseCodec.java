package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;

/**
 * {@link DenseTensor}, stored plainly under its own name. It has a descriptor only inside another
 * tensor.
 *
 * <pre>
 *   { "type": "dense", "shape": [..] }
 * </pre>
 */
final class DenseCodec implements TensorCodec<DenseTensor> {
  @Override
  public String type() {
    return "dense";
  }

  @Override
  public Class<DenseTensor> kind() {
    return DenseTensor.class;
  }

  @Override
  public void describe(DenseTensor tensor, ObjectNode descriptor) {
    // the file itself says what type its elements have
  }

  @Override
  public void write(DenseTensor tensor, ComponentWriter out) {
    throw new IllegalStateException("a plain tensor has no components");
  }

  Entry entry(String name, PackedTensor tensor) {
    return Entry.of(name, (DenseTensor) tensor);
  }

  @Override
  public DenseTensor read(ComponentReader in) {
    return in.plain();
  }
}
