package dev.nibble.io.safetensors;

import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import java.nio.file.Path;
import java.util.Set;

/** Named plain arrays of one file or of several shards. Safe to read from any thread. */
public interface TensorSource extends AutoCloseable {

  /**
   * Where a tensor lies and what it is.
   *
   * @param shape logical shape
   * @param dtype element type
   * @param begin offset of its first byte in the data part of its file
   * @param end offset behind its last byte
   */
  record Info(long[] shape, DType dtype, long begin, long end) {
    /** Copies the array. */
    public Info {
      shape = shape.clone();
    }

    @Override
    public long[] shape() {
      return shape.clone();
    }
  }

  /** Names of all tensors, in file order. */
  Set<String> names();

  /**
   * Description of a tensor.
   *
   * @throws dev.nibble.core.ModelFormatException when there is none of that name
   */
  Info info(String name);

  /**
   * The tensor as a view of the mapped file, valid until {@link #close()}.
   *
   * @throws dev.nibble.core.ModelFormatException when there is none of that name
   */
  DenseTensor tensor(String name);

  /**
   * The file to name in a message about {@code name}: its shard, or the index when there is none.
   */
  Path fileOf(String name);

  @Override
  void close();
}
