package dev.nibble.core.model;

/**
 * Canonical tensor names. They are Hugging Face's names of the Llama family; every other family is
 * mapped to them on reading (fused projections split, Conv1D transposed, interleaved heads
 * re-ordered), so that the engines know one vocabulary.
 *
 * <pre>
 * model.embed_tokens.weight                                  [vocab, embeddingSize]
 * model.embed_positions.weight                               [positions + offset, hidden]
 * model.embed_types.weight                                   [types, embeddingSize], encoders only
 * model.embed_norm.{weight,bias}                             [hidden]
 * model.project_in.weight, model.project_out.weight          [hidden, embeddingSize], [embeddingSize, hidden]
 * model.layers.N.input_layernorm.{weight,bias}               [hidden]
 * model.layers.N.self_attn.{q,k,v}_proj.{weight,bias}        [heads*headDim | kvHeads*headDim, hidden]
 * model.layers.N.self_attn.o_proj.{weight,bias}              [hidden, heads*headDim]
 * model.layers.N.self_attn.{q,k}_norm.weight                 [headDim]
 * model.layers.N.post_attention_layernorm.{weight,bias}      [hidden]
 * model.layers.N.{attention,mlp}_output_layernorm.{weight,bias} [hidden]
 * model.layers.N.mlp.{gate,up}_proj.{weight,bias}            [ffn, hidden]
 * model.layers.N.mlp.down_proj.{weight,bias}                 [hidden, ffn]
 * model.layers.N.mlp.router.weight                           [experts, hidden]
 * model.layers.N.mlp.experts.E.{gate,up,down}_proj.weight    as those of mlp, expertSize for ffn
 * model.layers.N.mlp.shared_expert.{gate,up,down}_proj...    as those of mlp, sharedSize for ffn
 * model.layers.N.mlp.shared_expert_gate.weight               [1, hidden]
 * model.norm.{weight,bias}                                   [hidden]
 * lm_head.{weight,bias}                                      [vocab, embeddingSize]
 *
 * Positions and embedding norm of an encoder have embeddingSize columns, its project_in a bias.
 * head.dense.{weight,bias}                                   [embeddingSize | hidden, hidden]
 * head.norm.{weight,bias}                                    [embeddingSize]
 * classifier.{weight,bias}                                   [labels, hidden]
 * </pre>
 */
public final class TensorNames {
  public static final String EMBEDDING = "model.embed_tokens";
  public static final String POSITIONS = "model.embed_positions";
  public static final String TYPES = "model.embed_types";
  public static final String HEAD_DENSE = "head.dense";
  public static final String HEAD_NORM = "head.norm";
  public static final String CLASSIFIER = "classifier";
  public static final String EMBEDDING_NORM = "model.embed_norm";
  public static final String PROJECT_IN = "model.project_in";
  public static final String PROJECT_OUT = "model.project_out";
  public static final String FINAL_NORM = "model.norm";
  public static final String HEAD = "lm_head";
  public static final String INPUT_NORM = "input_layernorm";
  public static final String POST_NORM = "post_attention_layernorm";
  public static final String ATTENTION_OUT_NORM = "attention_output_layernorm";
  public static final String MLP_OUT_NORM = "mlp_output_layernorm";
  public static final String ATTENTION = "self_attn";
  public static final String Q = "self_attn.q_proj";
  public static final String K = "self_attn.k_proj";
  public static final String V = "self_attn.v_proj";
  public static final String O = "self_attn.o_proj";
  public static final String Q_NORM = "self_attn.q_norm";
  public static final String K_NORM = "self_attn.k_norm";
  public static final String GATE = "mlp.gate_proj";
  public static final String UP = "mlp.up_proj";
  public static final String DOWN = "mlp.down_proj";

  public static final String MLP = "mlp";
  public static final String ROUTER = "mlp.router";
  public static final String EXPERTS = "mlp.experts";
  public static final String SHARED_EXPERT = "mlp.shared_expert";
  public static final String SHARED_GATE = "mlp.shared_expert_gate";

  private TensorNames() {}

  /** {@code model.layers.N}. */
  public static String layer(int index) {
    return "model.layers." + index;
  }

  /** {@code model.layers.N.part}, as {@code layer(3, DOWN)}. */
  public static String layer(int index, String part) {
    return layer(index) + "." + part;
  }

  /** {@code model.layers.N.mlp.experts.E}. */
  public static String expert(int layer, int expert) {
    return layer(layer, EXPERTS) + "." + expert;
  }

  /** {@code module.weight}. */
  public static String weight(String module) {
    return module + ".weight";
  }

  /** {@code module.bias}. */
  public static String bias(String module) {
    return module + ".bias";
  }
}
