package dev.nibble.core.model;

import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.PackedTensor;
import java.util.Map;
import java.util.Set;

/**
 * An opened model, whatever file format it came from: configuration plus tensors under their
 * canonical names ({@link TensorNames}). Tensors are views of mapped files and valid until {@link
 * #close()}. Reading is safe from any thread.
 */
public interface ModelWeights extends AutoCloseable {

  /** Architecture. */
  ModelConfig config();

  /** Canonical names of all tensors present. A tied head is absent. */
  Set<String> names();

  /**
   * The tensor of that canonical name.
   *
   * @throws dev.nibble.core.ModelFormatException when there is none
   */
  PackedTensor tensor(String name);

  /** Run-time operators by canonical site name; sites not listed are plain. */
  Map<String, SiteOps> siteOps();

  @Override
  void close();
}
