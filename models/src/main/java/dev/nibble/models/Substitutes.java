package dev.nibble.models;

import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Tensors that a forward pass uses instead of a block's own, so that a tuner can differentiate
 * through whatever they were computed from. Borrowed; they may be results of other operations.
 *
 * @param parameters by parameter name; a name that the block does not have (a bias) is added
 * @param inputMatrices {@code [in, in]} by site: the site's input, behind its online transforms, is
 *     multiplied by it from the right
 */
public record Substitutes(Map<String, Tensor> parameters, Map<String, Tensor> inputMatrices) {
  /** Nothing replaced. */
  public static final Substitutes NONE = new Substitutes(Map.of(), Map.of());

  /** Copies the maps. */
  public Substitutes {
    parameters = Map.copyOf(parameters);
    inputMatrices = Map.copyOf(inputMatrices);
  }
}
