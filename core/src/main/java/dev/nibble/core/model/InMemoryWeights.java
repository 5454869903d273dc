package dev.nibble.core.model;

import dev.nibble.core.NibbleException;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/** A model whose tensors are already in memory: one being trained, or made by a test. */
public final class InMemoryWeights implements ModelWeights {
  private final ModelConfig config;
  private final Map<String, PackedTensor> tensors;
  private final Map<String, SiteOps> siteOps;

  /** Takes copies of the maps; the tensors themselves are shared. */
  public InMemoryWeights(
      ModelConfig config, Map<String, PackedTensor> tensors, Map<String, SiteOps> siteOps) {
    this.config = config;
    this.tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
    this.siteOps = Map.copyOf(siteOps);
  }

  /**
   * Fresh F32 weights: matrices normal with the given deviation, those that write to the residual
   * stream (o_proj, down_proj) divided by {@code sqrt(2 * layers)} (Radford et al. 2019), norm
   * gains 1, biases 0.
   *
   * @param deviation standard deviation of the matrices, as 0.02
   * @param seed same seed, same weights; each tensor draws from its own stream
   */
  public static InMemoryWeights random(ModelConfig config, double deviation, long seed) {
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    SplittableRandom seeds = new SplittableRandom(seed);
    TensorLayout.all(config)
        .forEach(
            (name, shape) -> {
              SplittableRandom random = seeds.split();
              long count = 1;
              for (long d : shape) {
                count *= d;
              }
              float[] values = new float[Math.toIntExact(count)];
              boolean writer =
                  name.endsWith(TensorNames.weight(TensorNames.O))
                      || name.endsWith(TensorNames.weight(Mlp.DOWN));
              double scale = writer ? deviation / Math.sqrt(2.0 * config.layers()) : deviation;
              for (int i = 0; i < values.length; i++) {
                values[i] =
                    shape.length > 1
                        ? (float) (scale * random.nextGaussian())
                        : name.endsWith(".weight") ? 1f : 0f;
              }
              tensors.put(name, DenseTensor.of(values, shape));
            });
    return new InMemoryWeights(config, tensors, Map.of());
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public Set<String> names() {
    return tensors.keySet();
  }

  @Override
  public PackedTensor tensor(String name) {
    PackedTensor found = tensors.get(name);
    if (found == null) {
      throw new NibbleException(
          "the in-memory model has no tensor " + name + "; it has " + tensors.size() + " others",
          NibbleException.BAD_INPUT,
          null);
    }
    return found;
  }

  @Override
  public Map<String, SiteOps> siteOps() {
    return siteOps;
  }

  @Override
  public void close() {}
}
