package dev.nibble.io.gguf;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.EncoderConfig;
import dev.nibble.core.model.EncoderConfig.Pooling;
import dev.nibble.core.model.LocalAttention;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelConfig.Positions;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.RopeConfig.Scaling;
import dev.nibble.core.model.Scalars;
import java.util.ArrayList;
import java.util.List;

/** Reads the description of a decoder from a file's metadata and from which tensors it has. */
final class GgufConfig {
  private static final int MAX_COUNT = 1 << 24;

  private final GgufFile file;
  private final GgufFamily family;

  private GgufConfig(GgufFile file, GgufFamily family) {
    this.file = file;
    this.family = family;
  }

  /** Architecture of the file. */
  static GgufFamily family(GgufFile file) {
    String name =
        file.string("general.architecture")
            .orElseThrow(
                () ->
                    new ModelFormatException(
                        file.path(), "general.architecture", "the key is missing"));
    return GgufFamily.ofArchitecture(name)
        .orElseThrow(
            () ->
                new ModelFormatException(
                    file.path(),
                    "general.architecture",
                    "models of kind '"
                        + name
                        + "' are not supported; supported are "
                        + GgufFamily.supported()));
  }

  static ModelConfig read(GgufFile file, GgufFamily family) {
    return new GgufConfig(file, family).read();
  }

  private ModelConfig read() {
    MoeConfig moe = GgufExperts.read(file, family, numbers());
    int hidden = count("embedding_length");
    int heads = count("attention.head_count");
    int kvHeads = count("attention.head_count_kv", heads);
    if (hidden < 1 || heads < 1 || kvHeads < 1 || heads % kvHeads != 0) {
      throw problem(
          key("attention.head_count"),
          heads + " query and " + kvHeads + " key/value heads of width " + hidden + " do not fit");
    }
    int headDim = count("attention.key_length", hidden / heads);
    if (headDim < 1 || count("attention.value_length", headDim) != headDim) {
      throw problem(key("attention.value_length"), "keys and values must have the same width");
    }
    long[] embedding = embedding(hidden);
    boolean rms = family.norm() == ModelConfig.Norm.RMS;
    String eps = rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";
    int layers = count("block_count");
    int window = count("attention.sliding_window", 0);
    RopeConfig rope = rope(headDim);
    boolean gemma = family.isGemma();
    String qkv = family.fusedQkv() ? "blk.0.attn_qkv.bias" : "blk.0.attn_q.bias";
    return new ModelConfig(
        moe.present() && family == GgufFamily.LLAMA ? "mixtral" : family.familyName(),
        (int) embedding[0],
        hidden,
        layers,
        heads,
        kvHeads,
        headDim,
        count("feed_forward_length"),
        count("context_length"),
        family.norm(),
        number(eps),
        family.activation(),
        family.gated(),
        family.positions(),
        0,
        rope,
        residual(),
        has(qkv),
        has("blk.0.attn_output.bias"),
        has("blk.0.ffn_up.bias"),
        has("blk.0.attn_q_norm.weight"),
        has("token_embd_norm.weight"),
        true,
        !has("output.weight"),
        has("output.bias"),
        gemma ? 0 : window,
        hidden,
        dtype(),
        id("tokenizer.ggml.bos_token_id"),
        endIds(),
        gemma ? scalars(layers, hidden, heads, headDim) : Scalars.USUAL,
        gemma ? GemmaKeys.local(family, layers, window, localRope(rope)) : LocalAttention.NONE,
        EncoderConfig.ofDecoder(pooling()),
        moe);
  }

  private Scalars scalars(int layers, int hidden, int heads, int headDim) {
    return GemmaKeys.scalars(
        family,
        layers,
        hidden,
        heads,
        headDim,
        number(GemmaKeys.ATTENTION_CAP, family == GgufFamily.GEMMA2 ? 50 : 0),
        number(GemmaKeys.LOGIT_CAP, family == GgufFamily.GEMMA2 ? 30 : 0));
  }

  private RopeConfig localRope(RopeConfig rope) {
    return family == GgufFamily.GEMMA2
        ? rope
        : RopeConfig.plain(number(GemmaKeys.LOCAL_BASE, GemmaKeys.USUAL_LOCAL_BASE), rope.dim());
  }

  private GgufExperts.Numbers numbers() {
    return new GgufExperts.Numbers() {
      @Override
      public int count(String suffix, int absent) {
        return GgufConfig.this.count(suffix, absent);
      }

      @Override
      public double number(String suffix, double absent) {
        return GgufConfig.this.number(suffix, absent);
      }
    };
  }

  private Pooling pooling() {
    return switch (count("pooling_type", 0)) {
      case 1 -> Pooling.MEAN;
      case 2 -> Pooling.FIRST;
      default -> EncoderConfig.NONE.pooling(); // none, last, or a score that is no vector
    };
  }

  private long[] embedding(int hidden) {
    GgufTensorInfo info = file.tensors().get("token_embd.weight");
    if (info == null) {
      throw problem("token_embd.weight", "the tensor is missing, so this file holds no model");
    }
    long[] shape = info.shape();
    if (shape.length != 2 || shape[1] != hidden) {
      throw problem("token_embd.weight", "its rows do not have the model width " + hidden);
    }
    return shape;
  }

  private Residual residual() {
    return switch (family) {
      case GPTNEOX ->
          file.metadata().get(key("use_parallel_residual")) == Boolean.FALSE
              ? Residual.SEQUENTIAL
              : Residual.PARALLEL;
      case FALCON ->
          has("blk.0.attn_norm_2.weight") ? Residual.PARALLEL : Residual.PARALLEL_SHARED_NORM;
      case GEMMA2, GEMMA3 -> Residual.SANDWICH;
      default -> Residual.SEQUENTIAL;
    };
  }

  private RopeConfig rope(int headDim) {
    int dim = count("rope.dimension_count", headDim);
    double theta = number("rope.freq_base", 10000);
    if (family.positions() != Positions.ROPE) {
      return RopeConfig.plain(theta, headDim);
    }
    if (dim < 2 || dim > headDim || dim % 2 != 0) {
      throw problem(
          key("rope.dimension_count"), dim + " is not an even number of at most " + headDim);
    }
    String type = file.string(key("rope.scaling.type")).orElse("none");
    double factor = number("rope.scaling.factor", number("rope.scale_linear", 1));
    int original = count("rope.scaling.original_context_length", 0);
    double attention = number("rope.scaling.attn_factor", 1);
    if (has("rope_freqs.weight")) {
      // Fixed divisors of the frequencies: LongRoPE with the same factors at every length.
      double[] factors = factors("rope_freqs.weight", dim);
      return scaled(theta, dim, Scaling.LONGROPE, 1, count("context_length"), 1, factors, factors);
    }
    double[] none = new double[0];
    return switch (type) {
      case "none" -> RopeConfig.plain(theta, dim);
      case "linear" -> scaled(theta, dim, Scaling.LINEAR, factor, original, 0, none, none);
      case "yarn" ->
          scaled(
              theta,
              dim,
              Scaling.YARN,
              factor,
              original,
              attention == 1 ? 0 : attention * (1 + 0.1 * Math.log(factor)),
              none,
              none);
      case "longrope" ->
          scaled(
              theta,
              dim,
              Scaling.LONGROPE,
              factor,
              original,
              attention,
              factors("rope_factors_short.weight", dim),
              factors("rope_factors_long.weight", dim));
      default ->
          throw problem(
              key("rope.scaling.type"),
              "'" + type + "' is not supported; supported are none, linear, yarn, longrope");
    };
  }

  private RopeConfig scaled(
      double theta,
      int dim,
      Scaling scaling,
      double factor,
      int original,
      double attentionFactor,
      double[] shortFactor,
      double[] longFactor) {
    double fast = number("rope.scaling.yarn_beta_fast", 32);
    double slow = number("rope.scaling.yarn_beta_slow", 1);
    return new RopeConfig(
        theta,
        dim,
        scaling,
        factor,
        1,
        4,
        original,
        fast,
        slow,
        attentionFactor,
        shortFactor,
        longFactor);
  }

  private double[] factors(String name, int dim) {
    GgufTensorInfo info = file.tensors().get(name);
    if (info == null || info.byteSize() != 4L * (dim / 2) || info.shape().length != 1) {
      throw problem(name, "must be there with " + dim / 2 + " F32 values");
    }
    float[] values = new float[dim / 2];
    info.type().dequantize(file.data(info), 0, values, 0, values.length);
    double[] factors = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      factors[i] = values[i];
      if (!(factors[i] > 0) || Double.isInfinite(factors[i])) {
        throw problem(name, "factor " + i + " is " + factors[i] + ", but must be positive");
      }
    }
    return factors;
  }

  private String dtype() {
    return switch (file.tensors().get("token_embd.weight").type()) {
      case F32 -> "float32";
      case BF16 -> "bfloat16";
      default -> "float16";
    };
  }

  private List<Integer> endIds() {
    List<Integer> ids = new ArrayList<>();
    for (String name : List.of("eos", "eot", "eom")) {
      int id = id("tokenizer.ggml." + name + "_token_id");
      if (id >= 0 && !ids.contains(id)) {
        ids.add(id);
      }
    }
    return ids;
  }

  private int id(String key) {
    Object value = file.metadata().get(key);
    return value instanceof Number n && n.longValue() >= 0 && n.longValue() < MAX_COUNT
        ? n.intValue()
        : -1;
  }

  private boolean has(String tensor) {
    return file.tensors().containsKey(tensor);
  }

  private String key(String suffix) {
    return family.architecture() + "." + suffix;
  }

  private int count(String suffix) {
    int value = count(suffix, -1);
    if (value < 1) {
      throw problem(key(suffix), "the key is missing or not a positive number");
    }
    return value;
  }

  private int count(String suffix, int absent) {
    Object value = file.metadata().get(key(suffix));
    if (value == null) {
      return absent;
    }
    if (value instanceof List<?>) {
      throw problem(key(suffix), "models whose layers differ in size are not supported");
    }
    if (!(value instanceof Number n) || n.longValue() < 0 || n.longValue() > MAX_COUNT) {
      throw problem(key(suffix), "'" + value + "' is not a number from 0 to " + MAX_COUNT);
    }
    return n.intValue();
  }

  private double number(String suffix) {
    double value = number(suffix, Double.NaN);
    if (Double.isNaN(value)) {
      throw problem(key(suffix), "the key is missing");
    }
    return value;
  }

  private double number(String suffix, double absent) {
    Object value = file.metadata().get(key(suffix));
    if (value == null) {
      return absent;
    }
    if (!(value instanceof Number n) || !(n.doubleValue() >= 0) || n.doubleValue() > 1e18) {
      throw problem(key(suffix), "'" + value + "' is not a positive number");
    }
    // Through the shortest decimal form: a stored 1e-5f means 1e-5.
    return n instanceof Float f ? Double.parseDouble(f.toString()) : n.doubleValue();
  }

  private ModelFormatException problem(String element, String text) {
    return new ModelFormatException(file.path(), element, text);
  }
}
