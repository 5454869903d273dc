package dev.nibble.compress.transform;

import dev.nibble.models.Rewrite;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * A rewrite as a table: tensor name to the chain of fp64 maps applied to it. Filled before it is
 * installed, then only read.
 */
final class TensorRewrites implements Rewrite {
  private final Map<String, List<UnaryOperator<Tensor>>> chains = new HashMap<>();

  /** Appends a map to a tensor's chain. */
  void add(String tensor, UnaryOperator<Tensor> map) {
    chains.computeIfAbsent(tensor, t -> new ArrayList<>()).add(map);
  }

  @Override
  public Tensor apply(String name, Tensor value) {
    Tensor result = value;
    for (UnaryOperator<Tensor> map : chains.getOrDefault(name, List.of())) {
      result = map.apply(result);
    }
    return result;
  }
}
