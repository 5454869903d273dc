package dev.nibble.io.gguf;

import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Activation;
import dev.nibble.core.model.ModelConfig.Norm;
import dev.nibble.core.model.ModelConfig.Positions;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.Rope;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.Scalars;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/** The reverse of {@link GgufConfig}: metadata and rotary tensors that describe a decoder. */
final class GgufConfigWriter {
  private final GgufFamily family;
  private final ModelConfig config;
  private final SequencedMap<String, GgufValue> keys = new LinkedHashMap<>();
  private final Map<String, float[]> ropeTensors = new LinkedHashMap<>();

  private GgufConfigWriter(GgufFamily family, ModelConfig config) {
    this.family = family;
    this.config = config;
  }

  /**
   * Metadata and the extra tensors that carry rotary factors.
   *
   * @param keys architecture keys in file order
   * @param ropeTensors F32 vectors by GGUF name
   */
  record Description(SequencedMap<String, GgufValue> keys, Map<String, float[]> ropeTensors) {}

  /**
   * The architecture that can carry {@code config}.
   *
   * @throws NibbleException naming what GGUF readers cannot run
   */
  static GgufFamily family(ModelConfig config) {
    GgufFamily family =
        GgufFamily.ofFamily(config.family())
            .orElseThrow(
                () ->
                    refused(
                        "a model of family '"
                            + config.family()
                            + "' (supported: "
                            + GgufFamily.supported()
                            + ")"));
    if (config.norm() != family.norm()
        || config.positions() != family.positions()
        || config.gated() != family.gated()
        || isGelu(config.activation()) != isGelu(family.activation())
        || (!isGelu(family.activation()) && config.activation() != family.activation())) {
      throw refused(
          "a "
              + config.family()
              + " model with "
              + config.norm()
              + " norm, "
              + config.activation()
              + " activation and "
              + config.positions()
              + " positions");
    }
    if (config.qkNorm() != family.qkNorm()) {
      throw refused("a " + config.family() + " model with other norms on queries and keys");
    }
    if (config.embeddingNorm() != (family == GgufFamily.BLOOM) || !config.finalNorm()) {
      throw refused("a " + config.family() + " model with other norms at its ends");
    }
    if (config.embeddingSize() != config.hiddenSize()) {
      throw refused("an embedding that is projected to another width");
    }
    checkResidual(family, config);
    checkExtras(family, config);
    GgufExperts.check(family, config.moe());
    return family;
  }

  private static boolean isGelu(Activation activation) {
    return activation == Activation.GELU || activation == Activation.GELU_TANH;
  }

  private static void checkResidual(GgufFamily family, ModelConfig config) {
    Residual r = config.residual();
    boolean fits =
        switch (family) {
          case GPTNEOX -> r == Residual.SEQUENTIAL || r == Residual.PARALLEL;
          case GEMMA2, GEMMA3 -> r == Residual.SANDWICH;
          case FALCON -> r == Residual.PARALLEL || r == Residual.PARALLEL_SHARED_NORM;
          default -> r == Residual.SEQUENTIAL;
        };
    if (!fits) {
      throw refused("a " + config.family() + " model with a " + r + " residual arrangement");
    }
  }

  private static void checkExtras(GgufFamily family, ModelConfig config) {
    if (family.isGemma()) {
      GemmaKeys.misfit(family, config)
          .ifPresent(
              part -> {
                throw refused(part);
              });
    } else if (!config.scalars().equals(Scalars.USUAL) || !config.local().layers().isEmpty()) {
      throw refused("unusual factors or windows in a " + config.family() + " model");
    }
  }

  static NibbleException refused(String part) {
    return new NibbleException(
        "GGUF cannot carry " + part + "; export the model in the nibble format instead");
  }

  static Description describe(GgufFamily family, ModelConfig config) {
    GgufConfigWriter writer = new GgufConfigWriter(family, config);
    writer.sizes();
    if (config.positions() == Positions.ROPE) {
      writer.rope();
    }
    return new Description(writer.keys, writer.ropeTensors);
  }

  private void sizes() {
    count("vocab_size", config.vocabSize());
    count("context_length", config.maxPositions());
    count("embedding_length", config.hiddenSize());
    count("block_count", config.layers());
    count("feed_forward_length", config.ffnSize());
    count("attention.head_count", config.heads());
    count("attention.head_count_kv", config.kvHeads());
    if (config.headDim() * config.heads() != config.hiddenSize() || family.qkNorm()) {
      count("attention.key_length", config.headDim());
      count("attention.value_length", config.headDim());
    }
    switch (config.encoder().pooling()) {
      case MEAN -> count("pooling_type", 1);
      case FIRST -> count("pooling_type", 2);
      case LAST, WEIGHTED_MEAN -> {} // what readers assume; no word for weights
    }
    GgufExperts.write(family, config.moe(), keys);
    boolean rms = config.norm() == Norm.RMS;
    number(
        rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon",
        config.normEps());
    int window = family.isGemma() ? config.local().window() : config.slidingWindow();
    if (window > 0) {
      count("attention.sliding_window", window);
    }
    if (family == GgufFamily.GEMMA2) {
      number(GemmaKeys.ATTENTION_CAP, config.scalars().attentionCap());
      number(GemmaKeys.LOGIT_CAP, config.scalars().logitCap());
    }
    if (family == GgufFamily.GEMMA3) {
      number(GemmaKeys.LOCAL_BASE, config.local().rope().theta());
    }
    if (family == GgufFamily.GPTNEOX) {
      put("use_parallel_residual", GgufValue.of(config.residual() == Residual.PARALLEL));
    }
    if (family == GgufFamily.FALCON) {
      put("tensor_data_layout", GgufValue.of("jploski"));
    }
  }

  private void rope() {
    RopeConfig rope = config.rope();
    count("rope.dimension_count", rope.dim());
    number("rope.freq_base", rope.theta());
    switch (rope.scaling()) {
      case NONE -> {}
      case LINEAR -> scaling("linear", rope);
      case YARN -> {
        scaling("yarn", rope);
        number("rope.scaling.yarn_beta_fast", rope.betaFast());
        number("rope.scaling.yarn_beta_slow", rope.betaSlow());
        double derived = 0.1 * Math.log(rope.factor()) + 1;
        double factor = Rope.attentionFactor(rope, config.maxPositions());
        number("rope.scaling.attn_factor", factor / derived);
      }
      case LLAMA3 -> fixedFactors(llama3Factors(rope));
      case LONGROPE -> longRope(rope);
      case DYNAMIC -> throw refused("dynamic NTK scaling of the rotary embedding");
    }
  }

  private void scaling(String type, RopeConfig rope) {
    put("rope.scaling.type", GgufValue.of(type));
    number("rope.scaling.factor", rope.factor());
    if (rope.originalMaxPositions() > 0) {
      count("rope.scaling.original_context_length", rope.originalMaxPositions());
    }
  }

  /** How much longer each wavelength became. */
  private static double[] llama3Factors(RopeConfig rope) {
    double[] scaled = Rope.inverseFrequencies(rope, rope.originalMaxPositions(), 1);
    double[] plain = Rope.inverseFrequencies(RopeConfig.plain(rope.theta(), rope.dim()), 1, 1);
    double[] factors = new double[plain.length];
    Arrays.setAll(factors, i -> plain[i] / scaled[i]);
    return factors;
  }

  private void longRope(RopeConfig rope) {
    double attention = Rope.attentionFactor(rope, config.maxPositions());
    if (Arrays.equals(rope.shortFactor(), rope.longFactor()) && attention == 1) {
      fixedFactors(rope.shortFactor());
      return;
    }
    needLlama();
    scaling("longrope", rope);
    number("rope.scaling.attn_factor", attention);
    ropeTensors.put("rope_factors_long.weight", floats(rope.longFactor()));
    ropeTensors.put("rope_factors_short.weight", floats(rope.shortFactor()));
  }

  private void fixedFactors(double[] factors) {
    needLlama();
    ropeTensors.put("rope_freqs.weight", floats(factors));
  }

  private void needLlama() {
    if (family != GgufFamily.LLAMA) {
      throw refused("per-dimension rotary factors in a " + config.family() + " model");
    }
  }

  private static float[] floats(double[] values) {
    float[] out = new float[values.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) values[i];
    }
    return out;
  }

  private void count(String suffix, int value) {
    put(suffix, GgufValue.u32(value));
  }

  private void number(String suffix, double value) {
    put(suffix, GgufValue.of((float) value));
  }

  private void put(String suffix, GgufValue value) {
    keys.put(family.architecture() + "." + suffix, value);
  }
}
