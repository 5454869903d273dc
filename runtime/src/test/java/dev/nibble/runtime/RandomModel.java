package dev.nibble.runtime;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Activation;
import dev.nibble.core.model.ModelConfig.Norm;
import dev.nibble.core.model.ModelConfig.Positions;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;

/** A model in memory with random weights, for properties that hold whatever the weights are. */
public final class RandomModel implements ModelWeights {
  private final ModelConfig config;
  private final Map<String, PackedTensor> tensors = new HashMap<>();
  private final Map<String, SiteOps> ops = new HashMap<>();
  private final Random random;

  public RandomModel(ModelConfig config, long seed) {
    this.config = config;
    this.random = new Random(seed);
    int h = config.hiddenSize();
    matrix(TensorNames.EMBEDDING, config.vocabSize(), config.embeddingSize(), false);
    if (config.positions() == Positions.LEARNED) {
      matrix(TensorNames.POSITIONS, config.maxPositions() + config.positionOffset(), h, false);
    }
    if (config.embeddingNorm()) {
      norm(TensorNames.EMBEDDING_NORM, h);
    }
    for (int i = 0; i < config.layers(); i++) {
      layer(i, h);
    }
    if (config.finalNorm()) {
      norm(TensorNames.FINAL_NORM, h);
    }
    if (!config.tiedHead()) {
      matrix(TensorNames.HEAD, config.vocabSize(), config.embeddingSize(), config.headBias());
    }
  }

  private void layer(int i, int h) {
    norm(TensorNames.layer(i, TensorNames.INPUT_NORM), h);
    if (config.residual() != Residual.PARALLEL_SHARED_NORM) {
      norm(TensorNames.layer(i, TensorNames.POST_NORM), h);
    }
    boolean bias = config.attentionBias();
    matrix(TensorNames.layer(i, TensorNames.Q), config.qSize(), h, bias);
    matrix(TensorNames.layer(i, TensorNames.K), config.kvSize(), h, bias);
    matrix(TensorNames.layer(i, TensorNames.V), config.kvSize(), h, bias);
    matrix(TensorNames.layer(i, TensorNames.O), h, config.qSize(), config.outputBias());
    if (config.qkNorm()) {
      vector(TensorNames.weight(TensorNames.layer(i, TensorNames.Q_NORM)), config.headDim(), 1);
      vector(TensorNames.weight(TensorNames.layer(i, TensorNames.K_NORM)), config.headDim(), 1);
    }
    if (config.gated()) {
      matrix(TensorNames.layer(i, TensorNames.GATE), config.ffnSize(), h, config.mlpBias());
    }
    matrix(TensorNames.layer(i, TensorNames.UP), config.ffnSize(), h, config.mlpBias());
    matrix(TensorNames.layer(i, TensorNames.DOWN), h, config.ffnSize(), config.mlpBias());
  }

  private void matrix(String module, int rows, int columns, boolean bias) {
    float[] w = new float[rows * columns];
    for (int i = 0; i < w.length; i++) {
      w[i] = (float) (random.nextGaussian() * 1.5 / Math.sqrt(columns));
    }
    tensors.put(TensorNames.weight(module), DenseTensor.of(w, rows, columns));
    if (bias) {
      vector(TensorNames.bias(module), rows, 0);
    }
  }

  private void norm(String module, int width) {
    vector(TensorNames.weight(module), width, 1);
    if (config.norm() == Norm.LAYER) {
      vector(TensorNames.bias(module), width, 0);
    }
  }

  private void vector(String name, int length, float around) {
    float[] w = new float[length];
    for (int i = 0; i < length; i++) {
      w[i] = around + (float) random.nextGaussian() * 0.2f;
    }
    tensors.put(name, DenseTensor.of(w, length));
  }

  /** Replaces every matrix of the blocks. */
  RandomModel mapped(Function<PackedTensor, PackedTensor> change) {
    tensors.replaceAll(
        (name, t) ->
            name.startsWith("model.layers.") && t.shape().length == 2 ? change.apply(t) : t);
    return this;
  }

  /** Replaces every matrix, embedding and head too. */
  RandomModel mappedWhole(Function<PackedTensor, PackedTensor> change) {
    tensors.replaceAll((name, t) -> t.shape().length == 2 ? change.apply(t) : t);
    return this;
  }

  /** Adds operators at a site. */
  RandomModel with(String site, SiteOps siteOps) {
    ops.put(site, siteOps);
    return this;
  }

  /** A Llama shape: RMSNorm, grouped heads, gated SiLU. */
  public static ModelConfig llama(
      int layers, int heads, int kvHeads, int headDim, int ffn, int vocab) {
    return new ModelConfig(
        "llama",
        vocab,
        heads * headDim,
        layers,
        heads,
        kvHeads,
        headDim,
        ffn,
        512,
        Norm.RMS,
        1e-5,
        Activation.SILU,
        true,
        Positions.ROPE,
        0,
        RopeConfig.plain(10000, headDim),
        Residual.SEQUENTIAL,
        false,
        false,
        false,
        false,
        false,
        true,
        false,
        false,
        0,
        heads * headDim,
        "float32",
        1,
        List.of(2));
  }

  /** Llama with a sliding window, biases, per-head norms and a tied head. */
  static ModelConfig windowed() {
    return windowed(13);
  }

  /** The same with another window. */
  public static ModelConfig windowed(int window) {
    return new ModelConfig(
        "qwen3",
        97,
        48,
        2,
        6,
        2,
        8,
        100,
        512,
        Norm.RMS,
        1e-5,
        Activation.SILU,
        true,
        Positions.ROPE,
        0,
        RopeConfig.plain(10000, 8),
        Residual.SEQUENTIAL,
        true,
        false,
        false,
        true,
        false,
        true,
        true,
        false,
        window,
        48,
        "float32",
        1,
        List.of(2));
  }

  /** ALiBi, LayerNorm, plain GELU, parallel residual, one key-value head for twelve. */
  public static ModelConfig alibi() {
    return new ModelConfig(
        "falcon",
        97,
        60,
        2,
        12,
        1,
        5,
        130,
        512,
        Norm.LAYER,
        1e-5,
        Activation.GELU,
        false,
        Positions.ALIBI,
        0,
        RopeConfig.plain(10000, 4),
        Residual.PARALLEL_SHARED_NORM,
        true,
        true,
        true,
        false,
        true,
        true,
        false,
        true,
        0,
        60,
        "float32",
        1,
        List.of(2));
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
    return tensors.get(name);
  }

  @Override
  public Map<String, SiteOps> siteOps() {
    return ops;
  }

  @Override
  public void close() {}
}
