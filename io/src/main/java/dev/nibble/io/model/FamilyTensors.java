package dev.nibble.io.model;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.io.model.TensorTable.Fused;
import java.util.HashMap;
import java.util.Map;

/** Tensor names of the families. */
final class FamilyTensors {

  static final TensorTable LLAMA =
      new TensorTable(
          "model.",
          Map.of(
              TensorNames.EMBEDDING, "embed_tokens",
              TensorNames.FINAL_NORM, "norm",
              TensorNames.HEAD, "lm_head"),
          "layers",
          same(
              TensorNames.INPUT_NORM,
              TensorNames.POST_NORM,
              TensorNames.Q,
              TensorNames.K,
              TensorNames.V,
              TensorNames.O,
              TensorNames.Q_NORM,
              TensorNames.K_NORM,
              TensorNames.GATE,
              TensorNames.UP,
              TensorNames.DOWN),
          Fused.NONE,
          false);

  /** Llama's names, with the norms before and behind each part. */
  static final TensorTable GEMMA = gemma();

  static final TensorTable OPT =
      new TensorTable(
          "model.",
          Map.of(
              TensorNames.EMBEDDING, "decoder.embed_tokens",
              TensorNames.POSITIONS, "decoder.embed_positions",
              TensorNames.PROJECT_IN, "decoder.project_in",
              TensorNames.PROJECT_OUT, "decoder.project_out",
              TensorNames.FINAL_NORM, "decoder.final_layer_norm",
              TensorNames.HEAD, "lm_head"),
          "decoder.layers",
          Map.of(
              TensorNames.INPUT_NORM, "self_attn_layer_norm",
              TensorNames.POST_NORM, "final_layer_norm",
              TensorNames.Q, "self_attn.q_proj",
              TensorNames.K, "self_attn.k_proj",
              TensorNames.V, "self_attn.v_proj",
              TensorNames.O, "self_attn.out_proj",
              TensorNames.UP, "fc1",
              TensorNames.DOWN, "fc2"),
          Fused.NONE,
          false);

  static final TensorTable GPT_NEOX =
      new TensorTable(
          "gpt_neox.",
          Map.of(
              TensorNames.EMBEDDING, "embed_in",
              TensorNames.FINAL_NORM, "final_layer_norm",
              TensorNames.HEAD, "embed_out"),
          "layers",
          Map.of(
              TensorNames.INPUT_NORM, "input_layernorm",
              TensorNames.POST_NORM, "post_attention_layernorm",
              TensorTable.QKV, "attention.query_key_value",
              TensorNames.O, "attention.dense",
              TensorNames.UP, "mlp.dense_h_to_4h",
              TensorNames.DOWN, "mlp.dense_4h_to_h"),
          Fused.GROUPED,
          false);

  /** Its linears are the library's Conv1D, stored {@code [in, out]}. */
  static final TensorTable GPT2 =
      new TensorTable(
          "transformer.",
          Map.of(
              TensorNames.EMBEDDING, "wte",
              TensorNames.POSITIONS, "wpe",
              TensorNames.FINAL_NORM, "ln_f",
              TensorNames.HEAD, "lm_head"),
          "h",
          Map.of(
              TensorNames.INPUT_NORM, "ln_1",
              TensorNames.POST_NORM, "ln_2",
              TensorTable.QKV, "attn.c_attn",
              TensorNames.O, "attn.c_proj",
              TensorNames.UP, "mlp.c_fc",
              TensorNames.DOWN, "mlp.c_proj"),
          Fused.STACKED,
          true);

  static final TensorTable BLOOM =
      new TensorTable(
          "transformer.",
          Map.of(
              TensorNames.EMBEDDING, "word_embeddings",
              TensorNames.EMBEDDING_NORM, "word_embeddings_layernorm",
              TensorNames.FINAL_NORM, "ln_f",
              TensorNames.HEAD, "lm_head"),
          "h",
          bigscience("input_layernorm", "post_attention_layernorm"),
          Fused.GROUPED,
          false);

  static final TensorTable MIXTRAL =
      experts(
          Map.of(
              TensorNames.ROUTER, "block_sparse_moe.gate",
              TensorTable.EXPERT_GATE, "block_sparse_moe.experts.*.w1",
              TensorTable.EXPERT_UP, "block_sparse_moe.experts.*.w3",
              TensorTable.EXPERT_DOWN, "block_sparse_moe.experts.*.w2"));

  static final TensorTable QWEN_MOE = experts(router("mlp.shared_expert"));

  static final TensorTable DEEPSEEK = experts(router("mlp.shared_experts"));

  private FamilyTensors() {}

  private static TensorTable gemma() {
    Map<String, String> parts = new HashMap<>(LLAMA.parts());
    parts.put(TensorNames.ATTENTION_OUT_NORM, "post_attention_layernorm");
    parts.put(TensorNames.POST_NORM, "pre_feedforward_layernorm");
    parts.put(TensorNames.MLP_OUT_NORM, "post_feedforward_layernorm");
    return new TensorTable(
        LLAMA.prefix(), LLAMA.ends(), LLAMA.blocks(), Map.copyOf(parts), Fused.NONE, false, true);
  }

  /** Names of Llama and these. */
  private static TensorTable experts(Map<String, String> parts) {
    Map<String, String> all = new HashMap<>(LLAMA.parts());
    all.putAll(parts);
    return new TensorTable(
        LLAMA.prefix(), LLAMA.ends(), LLAMA.blocks(), Map.copyOf(all), Fused.NONE, false);
  }

  private static Map<String, String> router(String shared) {
    return Map.of(
        TensorNames.ROUTER,
        "mlp.gate",
        TensorTable.EXPERT_GATE,
        "mlp.experts.*.gate_proj",
        TensorTable.EXPERT_UP,
        "mlp.experts.*.up_proj",
        TensorTable.EXPERT_DOWN,
        "mlp.experts.*.down_proj",
        TensorNames.SHARED_GATE,
        "mlp.shared_expert_gate",
        TensorNames.SHARED_EXPERT + ".gate_proj",
        shared + ".gate_proj",
        TensorNames.SHARED_EXPERT + ".up_proj",
        shared + ".up_proj",
        TensorNames.SHARED_EXPERT + ".down_proj",
        shared + ".down_proj");
  }

  /** Falcon's blocks with two norms side by side name them after what they feed. */
  static TensorTable falcon(ModelConfig config) {
    boolean two = config.residual() == ModelConfig.Residual.PARALLEL;
    return new TensorTable(
        "transformer.",
        Map.of(
            TensorNames.EMBEDDING, "word_embeddings",
            TensorNames.FINAL_NORM, "ln_f",
            TensorNames.HEAD, "lm_head"),
        "h",
        bigscience(
            two ? "ln_attn" : "input_layernorm", two ? "ln_mlp" : "post_attention_layernorm"),
        Fused.GROUPED,
        false);
  }

  private static Map<String, String> bigscience(String inputNorm, String postNorm) {
    return Map.of(
        TensorNames.INPUT_NORM, inputNorm,
        TensorNames.POST_NORM, postNorm,
        TensorTable.QKV, "self_attention.query_key_value",
        TensorNames.O, "self_attention.dense",
        TensorNames.UP, "mlp.dense_h_to_4h",
        TensorNames.DOWN, "mlp.dense_4h_to_h");
  }

  private static Map<String, String> same(String... parts) {
    Map<String, String> out = new HashMap<>();
    for (String part : parts) {
      out.put(part, part);
    }
    return Map.copyOf(out);
  }
}
