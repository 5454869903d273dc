package dev.nibble.io.packed;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.safetensors.SafetensorsFile;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * The descriptor and components of one packed tensor, notes which components were used. Sizes are
 * checked against what the descriptor asks for before anything is read.
 */
final class ComponentReader {
  private final SafetensorsFile file;
  private final String name;
  private final JsonFields descriptor;
  private final Set<String> used;
  private final long[] shape;
  private final long rows;

  /**
   * @param used gets the full names of the components that were read
   */
  ComponentReader(SafetensorsFile file, String name, JsonFields descriptor, Set<String> used) {
    this.file = file;
    this.name = name;
    this.descriptor = descriptor;
    this.used = used;
    List<Integer> dimensions = descriptor.integers("shape", 1, Integer.MAX_VALUE);
    if (dimensions.isEmpty() || dimensions.size() > 8) {
      throw descriptor.problem("shape", "must have 1 to 8 dimensions");
    }
    this.shape = dimensions.stream().mapToLong(Integer::longValue).toArray();
    long product = 1;
    for (int i = 0; i < shape.length - 1; i++) {
      product *= shape[i];
      if (product > Integer.MAX_VALUE) {
        throw descriptor.problem("shape", Arrays.toString(shape) + " has more than 2^31 rows");
      }
    }
    this.rows = product;
  }

  /** The descriptor's fields. */
  JsonFields descriptor() {
    return descriptor;
  }

  /** Logical shape. */
  long[] shape() {
    return shape.clone();
  }

  /** Product of all dimensions but the last, below 2^31. */
  long rows() {
    return rows;
  }

  /** Last dimension. */
  int columns() {
    return (int) shape[shape.length - 1];
  }

  /** True when the file has such a component. */
  boolean has(String component) {
    return file.names().contains(full(component));
  }

  /** The tensor as it lies in the file under its own name. */
  DenseTensor plain() {
    DenseTensor tensor = file.tensor(name);
    used.add(name);
    if (!Arrays.equals(tensor.shape(), shape)) {
      throw new ModelFormatException(
          file.path(), JsonFields.shown(name), "has another shape than its descriptor says");
    }
    return tensor;
  }

  /** The data of a component, which must have exactly that type and number of elements. */
  MemorySegment component(String component, DType type, long elements) {
    return dense(component, type, elements).data();
  }

  /** A component as floats. */
  float[] floats(String component, DType type, long elements) {
    return dense(component, type, elements).toFloats();
  }

  private DenseTensor dense(String component, DType type, long elements) {
    DenseTensor tensor = file.tensor(full(component));
    if (tensor.dtype() != type || tensor.elements() != elements) {
      throw problem(
          component,
          "has "
              + tensor.elements()
              + " elements of "
              + tensor.dtype()
              + " where its descriptor asks for "
              + elements
              + " of "
              + type);
    }
    used.add(full(component));
    return tensor;
  }

  /** A vector of scales. */
  MemorySegment scales(String component, ScaleFormat format, long count) {
    return component(component, ComponentWriter.elementType(format), count);
  }

  /** Codes of {@code bits} bits, a row padded to whole 32-bit words. */
  MemorySegment codes(String component, int bits) {
    return component(component, DType.U8, rows * AffineTensor.rowStride(columns(), bits));
  }

  /** A tensor inside the tensor; {@code fields} is its descriptor. */
  PackedTensor nested(String component, JsonFields fields) {
    return TensorCodecs.read(new ComponentReader(file, full(component), fields, used));
  }

  /** A complaint about a component. */
  ModelFormatException problem(String component, String what) {
    return new ModelFormatException(file.path(), JsonFields.shown(full(component)), what);
  }

  private String full(String component) {
    return name + "." + component;
  }
}
