package dev.nibble.io.model;

import dev.nibble.core.model.ModelConfig.Activation;
import dev.nibble.core.model.ModelConfig.Norm;
import dev.nibble.core.model.ModelConfig.Positions;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.io.json.JsonFields;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The table of families, and how each one's {@code config.json} describes a network. Defaults are
 * those of the family's configuration class, because files leave out what equals them.
 */
final class Families {
  private static final int MAX = ConfigDraft.MAX_COUNT;

  private static final List<Family> ALL =
      List.of(
          new Family("llama", Families::llama, c -> FamilyTensors.LLAMA),
          new Family("mistral", Families::mistral, c -> FamilyTensors.LLAMA),
          new Family("qwen2", Families::qwen2, c -> FamilyTensors.LLAMA),
          new Family("qwen3", Families::qwen3, c -> FamilyTensors.LLAMA),
          new Family("mixtral", MoeFamilies::mixtral, c -> FamilyTensors.MIXTRAL),
          new Family("qwen2_moe", MoeFamilies::qwen2, c -> FamilyTensors.QWEN_MOE),
          new Family("qwen3_moe", MoeFamilies::qwen3, c -> FamilyTensors.QWEN_MOE),
          new Family("deepseek", MoeFamilies::deepseek, c -> FamilyTensors.DEEPSEEK),
          new Family("gemma2", GemmaFamilies::gemma2, c -> FamilyTensors.GEMMA),
          new Family("gemma3_text", GemmaFamilies::gemma3, c -> FamilyTensors.GEMMA),
          new Family("opt", Families::opt, c -> FamilyTensors.OPT),
          new Family("gpt_neox", Families::gptNeox, c -> FamilyTensors.GPT_NEOX),
          new Family("gpt2", Families::gpt2, c -> FamilyTensors.GPT2),
          new Family("falcon", Families::falcon, FamilyTensors::falcon),
          new Family("bloom", Families::bloom, c -> FamilyTensors.BLOOM),
          new Family("bert", EncoderFamilies::bert, EncoderFamilies::bertTensors),
          new Family("electra", EncoderFamilies::electra, EncoderFamilies::electraTensors));

  private Families() {}

  /** The family of that {@code model_type}. */
  static Optional<Family> find(String modelType) {
    return ALL.stream().filter(f -> f.modelType().equals(modelType)).findFirst();
  }

  /** All names, for messages. */
  static String supported() {
    return ALL.stream().map(Family::modelType).collect(Collectors.joining(", "));
  }

  private static void llama(JsonFields c, ConfigDraft d) {
    llamaLike(c, d, 1e-6);
    d.attentionBias = c.flag("attention_bias", false);
    d.outputBias = d.attentionBias;
    d.mlpBias = c.flag("mlp_bias", false);
  }

  private static void mistral(JsonFields c, ConfigDraft d) {
    llamaLike(c, d, 1e-6);
    boolean said = c.node().has("sliding_window");
    d.slidingWindow = c.integer("sliding_window", 0, MAX, said ? 0 : 4096);
  }

  private static void qwen2(JsonFields c, ConfigDraft d) {
    llamaLike(c, d, 1e-6);
    d.attentionBias = true;
    d.slidingWindow = qwenWindow(c, d.layers);
  }

  private static void qwen3(JsonFields c, ConfigDraft d) {
    llamaLike(c, d, 1e-6);
    d.attentionBias = c.flag("attention_bias", false);
    d.outputBias = d.attentionBias;
    d.qkNorm = true;
    d.slidingWindow = qwenWindow(c, d.layers);
  }

  static void llamaLike(JsonFields c, ConfigDraft d, double defaultEps) {
    sizes(c, d, "hidden_size", "num_hidden_layers", "num_attention_heads");
    d.kvHeads = c.integer("num_key_value_heads", 1, MAX, d.heads);
    d.headDim = c.integer("head_dim", 1, MAX, d.family.equals("qwen3") ? 128 : 0);
    d.ffnSize = c.integer("intermediate_size", 1, MAX);
    d.maxPositions = c.integer("max_position_embeddings", 1, MAX, 2048);
    d.normEps = eps(c, "rms_norm_eps", defaultEps);
    d.activation = activation(c, "hidden_act", "silu");
    d.tiedHead = c.flag("tie_word_embeddings", false);
    rotary(c, d, "rope_theta", "partial_rotary_factor", 1);
  }

  /** The window of the layers, when all have the same; a mixture is refused. */
  static int qwenWindow(JsonFields c, int layers) {
    if (!c.flag("use_sliding_window", false)) {
      return 0;
    }
    int window = c.integer("sliding_window", 0, MAX, 4096);
    List<String> types = c.strings("layer_types");
    long sliding =
        types.isEmpty()
            ? Math.max(0, layers - c.integer("max_window_layers", 0, MAX, 28))
            : types.stream().filter("sliding_attention"::equals).count();
    if (sliding != 0 && sliding != layers) {
      throw c.problem(
          "use_sliding_window",
          sliding
              + " of "
              + layers
              + " layers have a sliding window; only all or none is supported");
    }
    return sliding == 0 ? 0 : window;
  }

  private static void opt(JsonFields c, ConfigDraft d) {
    sizes(c, d, "hidden_size", "num_hidden_layers", "num_attention_heads");
    layerNorm(c, d, "layer_norm_eps");
    d.kvHeads = d.heads;
    d.ffnSize = c.integer("ffn_dim", 1, MAX);
    d.maxPositions = c.integer("max_position_embeddings", 1, MAX, 2048);
    d.activation = activation(c, "activation_function", "relu");
    d.gated = false;
    d.positions = Positions.LEARNED;
    d.positionOffset = 2;
    boolean before = c.flag("do_layer_norm_before", true);
    d.residual = before ? Residual.SEQUENTIAL : Residual.POST_NORM;
    d.finalNorm = before && !c.flag("_remove_final_layer_norm", false);
    biases(d, c.flag("enable_bias", true));
    only(c, "layer_norm_elementwise_affine", true);
    d.embeddingSize = c.integer("word_embed_proj_dim", 1, MAX, d.hiddenSize);
    d.tiedHead = c.flag("tie_word_embeddings", true);
  }

  private static void gptNeox(JsonFields c, ConfigDraft d) {
    sizes(c, d, "hidden_size", "num_hidden_layers", "num_attention_heads");
    layerNorm(c, d, "layer_norm_eps");
    d.kvHeads = d.heads;
    d.ffnSize = c.integer("intermediate_size", 1, MAX, 24576);
    d.maxPositions = c.integer("max_position_embeddings", 1, MAX, 2048);
    d.activation = activation(c, "hidden_act", "gelu");
    d.gated = false;
    d.residual = c.flag("use_parallel_residual", true) ? Residual.PARALLEL : Residual.SEQUENTIAL;
    d.attentionBias = c.flag("attention_bias", true);
    d.outputBias = d.attentionBias;
    d.mlpBias = true;
    d.tiedHead = c.flag("tie_word_embeddings", false);
    rotary(c, d, "rotary_emb_base", "rotary_pct", 0.25);
  }

  private static void gpt2(JsonFields c, ConfigDraft d) {
    sizes(c, d, "n_embd", "n_layer", "n_head");
    layerNorm(c, d, "layer_norm_epsilon");
    d.kvHeads = d.heads;
    d.ffnSize = c.integer("n_inner", 1, MAX, Math.min(MAX, 4 * d.hiddenSize));
    d.maxPositions = c.integer(c.spelling("n_positions", "n_ctx"), 1, MAX, 1024);
    d.activation = activation(c, "activation_function", "gelu_new");
    d.gated = false;
    d.positions = Positions.LEARNED;
    biases(d, true);
    only(c, "scale_attn_weights", true);
    only(c, "scale_attn_by_inverse_layer_idx", false);
    only(c, "add_cross_attention", false);
    d.tiedHead = c.flag("tie_word_embeddings", true);
  }

  private static void falcon(JsonFields c, ConfigDraft d) {
    sizes(
        c,
        d,
        "hidden_size",
        c.spelling("num_hidden_layers", "n_layer"),
        c.spelling("num_attention_heads", "n_head"));
    layerNorm(c, d, "layer_norm_epsilon");
    boolean grouped = c.flag("new_decoder_architecture", false);
    boolean single = !grouped && c.flag("multi_query", true);
    String kvKey = c.spelling("num_kv_heads", "n_head_kv");
    d.kvHeads = single ? 1 : c.integer(kvKey, 1, MAX, d.heads);
    d.ffnSize = c.integer("ffn_hidden_size", 1, MAX, Math.min(MAX, 4 * d.hiddenSize));
    d.maxPositions = c.integer("max_position_embeddings", 1, MAX, 2048);
    d.activation = activation(c, "activation", "gelu");
    d.gated = false;
    biases(d, c.flag("bias", false));
    int norms = c.integer("num_ln_in_parallel_attn", 1, 2, grouped ? 2 : 1);
    if (!grouped && !c.flag("parallel_attn", true)) {
      d.residual = Residual.SEQUENTIAL;
    } else {
      d.residual = grouped && norms == 2 ? Residual.PARALLEL : Residual.PARALLEL_SHARED_NORM;
    }
    d.tiedHead = c.flag("tie_word_embeddings", true);
    if (c.flag("alibi", false)) {
      d.positions = Positions.ALIBI;
    } else {
      rotary(c, d, "rope_theta", "partial_rotary_factor", 1);
    }
  }

  private static void bloom(JsonFields c, ConfigDraft d) {
    sizes(
        c,
        d,
        c.spelling("hidden_size", "n_embed"),
        c.spelling("n_layer", "num_hidden_layers"),
        c.spelling("n_head", "num_attention_heads"));
    layerNorm(c, d, "layer_norm_epsilon");
    d.kvHeads = d.heads;
    d.ffnSize = Math.min(MAX, 4 * d.hiddenSize);
    d.maxPositions = c.integer(c.spelling("seq_length", "n_positions"), 1, MAX, 2048);
    d.activation = Activation.GELU_TANH;
    d.gated = false;
    d.positions = Positions.ALIBI;
    biases(d, true);
    d.embeddingNorm = true;
    only(c, "apply_residual_connection_post_layernorm", false);
    d.tiedHead = c.flag("tie_word_embeddings", true);
  }

  static void sizes(JsonFields c, ConfigDraft d, String hidden, String layers, String heads) {
    d.vocabSize = c.integer("vocab_size", 1, MAX);
    d.hiddenSize = c.integer(hidden, 1, MAX);
    d.layers = c.integer(layers, 1, ConfigDraft.MAX_LAYERS);
    d.heads = c.integer(heads, 1, MAX);
  }

  private static void layerNorm(JsonFields c, ConfigDraft d, String epsKey) {
    d.norm = Norm.LAYER;
    d.normEps = eps(c, epsKey, 1e-5);
  }

  static double eps(JsonFields c, String key, double absent) {
    return c.number(key, 0, 1, absent);
  }

  static void biases(ConfigDraft d, boolean all) {
    d.attentionBias = all;
    d.outputBias = all;
    d.mlpBias = all;
  }

  static void rotary(
      JsonFields c, ConfigDraft d, String thetaKey, String partialKey, double defaultPartial) {
    int headDim = d.resolveHeadDim(c, "num_attention_heads");
    d.rope = HfRope.read(c, headDim, d.maxPositions, thetaKey, partialKey, defaultPartial);
  }

  static Activation activation(JsonFields c, String key, String absent) {
    String name = c.optionalString(key).orElse(absent);
    return switch (name) {
      case "silu", "swish" -> Activation.SILU;
      case "gelu" -> Activation.GELU;
      case "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_tanh" -> Activation.GELU_TANH;
      case "relu" -> Activation.RELU;
      default ->
          throw c.problem(
              key,
              "'"
                  + JsonFields.shown(name)
                  + "' is not supported; supported are silu, gelu, gelu_new, relu");
    };
  }

  /** A variant of the family that nobody published; refused rather than run wrongly. */
  static void only(JsonFields c, String key, boolean supported) {
    if (c.flag(key, supported) != supported) {
      throw c.problem(key, "only " + supported + " is supported");
    }
  }
}
