package dev.nibble.compress.testing;

import dev.nibble.core.model.EncoderConfig;
import dev.nibble.core.model.InMemoryWeights;
import dev.nibble.core.model.LocalAttention;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Activation;
import dev.nibble.core.model.ModelConfig.Norm;
import dev.nibble.core.model.ModelConfig.Positions;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.Scalars;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Configurations of every kind a decoder comes in, and weights in which no gain is 1. */
public final class TinyFamilies {
  private TinyFamilies() {}

  /** The parts of a shape that transforms care about; the rest is small and fixed. */
  public record Shape(
      Norm norm,
      Residual residual,
      Activation activation,
      boolean gated,
      Positions positions,
      int heads,
      int kvHeads,
      int headDim,
      int ffn,
      boolean biases,
      boolean outputBias,
      boolean qkNorm,
      boolean embeddingNorm,
      boolean tied,
      int embeddingSize) {

    /** The configuration; hidden size is {@code heads * headDim}. */
    public ModelConfig config() {
      int hidden = heads * headDim;
      return new ModelConfig(
          "tiny",
          61,
          hidden,
          2,
          heads,
          kvHeads,
          headDim,
          ffn,
          64,
          norm,
          1e-5,
          activation,
          gated,
          positions,
          positions == Positions.LEARNED ? 2 : 0,
          RopeConfig.plain(10000, headDim),
          residual,
          biases,
          outputBias,
          biases,
          qkNorm,
          embeddingNorm,
          true,
          tied,
          false,
          0,
          embeddingSize == 0 ? hidden : embeddingSize,
          "float32",
          1,
          List.of(2));
    }
  }

  /** Llama with grouped heads. */
  public static ModelConfig llama() {
    return new Shape(
            Norm.RMS,
            Residual.SEQUENTIAL,
            Activation.SILU,
            true,
            Positions.ROPE,
            4,
            2,
            8,
            64,
            false,
            false,
            false,
            false,
            false,
            0)
        .config();
  }

  /**
   * Gemma: norms behind attention and MLP, caps, and every second layer with a window. Not among
   * {@link #families}, because such a model cannot be rotated.
   */
  public static ModelConfig gemma() {
    return new ModelConfig(
        "gemma2",
        61,
        32,
        2,
        4,
        2,
        12,
        64,
        64,
        Norm.RMS,
        1e-5,
        Activation.GELU_TANH,
        true,
        Positions.ROPE,
        0,
        RopeConfig.plain(10000, 12),
        Residual.SANDWICH,
        false,
        false,
        false,
        true,
        false,
        true,
        true,
        false,
        0,
        32,
        "float32",
        1,
        List.of(2),
        new Scalars(5.5, 0.4, 8, 6),
        new LocalAttention(4, RopeConfig.plain(100, 12), List.of(0)),
        EncoderConfig.NONE,
        MoeConfig.NONE);
  }

  /** One configuration for each family that Nibble reads and that can be rotated, by name. */
  public static Map<String, ModelConfig> families() {
    Map<String, ModelConfig> out = new LinkedHashMap<>();
    Residual plain = Residual.SEQUENTIAL;
    out.put("llama", llama());
    out.put(
        "qwen2",
        new Shape(
                Norm.RMS,
                plain,
                Activation.SILU,
                true,
                Positions.ROPE,
                4,
                2,
                8,
                64,
                true,
                false,
                false,
                false,
                true,
                0)
            .config());
    out.put(
        "qwen3",
        new Shape(
                Norm.RMS,
                plain,
                Activation.SILU,
                true,
                Positions.ROPE,
                4,
                1,
                8,
                96,
                false,
                false,
                true,
                false,
                true,
                0)
            .config());
    out.put(
        "opt",
        new Shape(
                Norm.LAYER,
                plain,
                Activation.RELU,
                false,
                Positions.LEARNED,
                4,
                4,
                8,
                64,
                true,
                true,
                false,
                false,
                true,
                0)
            .config());
    out.put(
        "opt-projected",
        new Shape(
                Norm.LAYER,
                plain,
                Activation.RELU,
                false,
                Positions.LEARNED,
                4,
                4,
                8,
                64,
                true,
                true,
                false,
                false,
                true,
                20)
            .config());
    out.put(
        "gpt2",
        new Shape(
                Norm.LAYER,
                plain,
                Activation.GELU_TANH,
                false,
                Positions.LEARNED,
                4,
                4,
                8,
                64,
                true,
                true,
                false,
                false,
                true,
                0)
            .config());
    out.put(
        "gpt_neox",
        new Shape(
                Norm.LAYER,
                Residual.PARALLEL,
                Activation.GELU,
                false,
                Positions.ROPE,
                4,
                4,
                8,
                64,
                true,
                true,
                false,
                false,
                false,
                0)
            .config());
    out.put(
        "falcon",
        new Shape(
                Norm.LAYER,
                Residual.PARALLEL_SHARED_NORM,
                Activation.GELU,
                false,
                Positions.ROPE,
                4,
                1,
                8,
                64,
                false,
                false,
                false,
                false,
                true,
                0)
            .config());
    out.put(
        "bloom",
        new Shape(
                Norm.LAYER,
                plain,
                Activation.GELU_TANH,
                false,
                Positions.ALIBI,
                4,
                4,
                8,
                64,
                true,
                true,
                false,
                true,
                true,
                0)
            .config());
    return out;
  }

  /** Random weights with norm gains around 1, non-zero biases and matrices that matter. */
  public static InMemoryWeights weights(ModelConfig config, long seed) {
    InMemoryWeights plain = InMemoryWeights.random(config, 0.25, seed);
    SplittableRandom random = new SplittableRandom(seed + 1);
    Map<String, PackedTensor> tensors = new LinkedHashMap<>();
    for (String name : plain.names()) {
      PackedTensor tensor = plain.tensor(name);
      if (tensor.shape().length == 1) {
        float[] values = tensor.toFloats();
        for (int i = 0; i < values.length; i++) {
          values[i] += (float) (0.3 * random.nextGaussian());
        }
        tensor = DenseTensor.of(values, values.length);
      }
      tensors.put(name, tensor);
    }
    return new InMemoryWeights(config, tensors, Map.of());
  }

  /** Random token sequences. */
  public static int[][] tokens(ModelConfig config, int sequences, int length, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[][] out = new int[sequences][length];
    for (int[] sequence : out) {
      for (int i = 0; i < length; i++) {
        sequence[i] = random.nextInt(config.vocabSize());
      }
    }
    return out;
  }
}
