package dev.nibble.io.gguf;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Activation;
import dev.nibble.core.model.ModelConfig.Norm;
import dev.nibble.core.model.ModelConfig.Positions;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** A model in memory. */
record MapWeights(
    ModelConfig config, Map<String, PackedTensor> tensors, Map<String, SiteOps> siteOps)
    implements ModelWeights {

  @Override
  public Set<String> names() {
    return tensors.keySet();
  }

  @Override
  public PackedTensor tensor(String name) {
    return tensors.get(name);
  }

  @Override
  public void close() {}

  /** Random F32 weights for every tensor that the architecture has. */
  static MapWeights random(ModelConfig config, long seed) {
    Random random = new Random(seed);
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    GgufFamily family = GgufFamily.ofFamily(config.family()).orElseThrow();
    for (GgufLayout.Entry entry : GgufLayout.of(family, config)) {
      for (GgufLayout.Part part : entry.parts()) {
        long[] shape = entry.shape().clone();
        shape[0] = part.rows();
        float[] values = new float[(int) (shape.length == 1 ? shape[0] : shape[0] * shape[1])];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) random.nextGaussian();
        }
        tensors.put(part.name(), DenseTensor.of(values, shape));
      }
    }
    return new MapWeights(config, tensors, Map.of());
  }

  MapWeights with(String name, PackedTensor tensor) {
    Map<String, PackedTensor> changed = new LinkedHashMap<>(tensors);
    changed.put(name, tensor);
    return new MapWeights(config, changed, siteOps);
  }

  /** A Llama with 4 query and 2 key/value heads of 16. */
  static ModelConfig llama(int layers, int hidden, RopeConfig rope, boolean biases, boolean tied) {
    return config("llama", layers, hidden, 4, 2, rope, Residual.SEQUENTIAL, biases, tied);
  }

  static ModelConfig config(
      String family,
      int layers,
      int hidden,
      int heads,
      int kvHeads,
      RopeConfig rope,
      Residual residual,
      boolean biases,
      boolean tied) {
    return sized(family, 40, layers, hidden, heads, kvHeads, rope, residual, biases, tied);
  }

  static ModelConfig sized(
      String family,
      int vocabulary,
      int layers,
      int hidden,
      int heads,
      int kvHeads,
      RopeConfig rope,
      Residual residual,
      boolean biases,
      boolean tied) {
    GgufFamily gguf = GgufFamily.ofFamily(family).orElseThrow();
    boolean layerNorm = gguf.norm() == Norm.LAYER;
    Activation activation = gguf.activation();
    Positions positions = gguf.positions();
    return new ModelConfig(
        family,
        vocabulary,
        hidden,
        layers,
        heads,
        kvHeads,
        16,
        2 * hidden,
        64,
        gguf.norm(),
        1e-5,
        activation,
        gguf.gated(),
        positions,
        0,
        rope,
        residual,
        biases,
        biases && layerNorm,
        biases && layerNorm,
        family.equals("qwen3"),
        family.equals("bloom"),
        true,
        tied,
        false,
        0,
        hidden,
        "float32",
        1,
        List.of(2));
  }
}
