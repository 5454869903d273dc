package dev.nibble.io.model;

import dev.nibble.core.model.MoeConfig;
import dev.nibble.core.model.MoeConfig.Scoring;
import dev.nibble.io.json.JsonFields;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** How the {@code config.json} of families with a mixture of experts describes a decoder. */
final class MoeFamilies {
  private static final int MAX = ConfigDraft.MAX_COUNT;

  private MoeFamilies() {}

  static void mixtral(JsonFields c, ConfigDraft d) {
    Families.llamaLike(c, d, 1e-5);
    d.slidingWindow = c.integer("sliding_window", 0, MAX, 0);
    d.moe =
        new MoeConfig(
            experts(c, "num_local_experts", 8),
            chosen(c, 2),
            d.ffnSize,
            0,
            false,
            Scoring.SOFTMAX,
            true,
            1,
            List.of());
  }

  static void qwen2(JsonFields c, ConfigDraft d) {
    Families.llamaLike(c, d, 1e-6);
    d.attentionBias = c.flag("qkv_bias", true);
    d.slidingWindow = Families.qwenWindow(c, d.layers);
    d.moe = qwen(c, d, 60, 4, c.integer("shared_expert_intermediate_size", 0, MAX, 5632));
  }

  static void qwen3(JsonFields c, ConfigDraft d) {
    Families.llamaLike(c, d, 1e-6);
    d.attentionBias = c.flag("attention_bias", false);
    d.outputBias = d.attentionBias;
    d.qkNorm = true;
    boolean windowed = c.flag("use_sliding_window", false);
    d.slidingWindow = windowed ? c.integer("sliding_window", 0, MAX, 4096) : 0;
    d.moe = qwen(c, d, 128, 8, 0);
  }

  private static MoeConfig qwen(JsonFields c, ConfigDraft d, int experts, int chosen, int shared) {
    int step = c.integer("decoder_sparse_step", 1, MAX, 1);
    List<Integer> plain = c.integers("mlp_only_layers", 0, MAX);
    return new MoeConfig(
        experts(c, c.spelling("num_experts", "num_local_experts"), experts),
        chosen(c, chosen),
        c.integer("moe_intermediate_size", 1, MAX, 1408),
        shared,
        shared > 0,
        Scoring.SOFTMAX,
        c.flag("norm_topk_prob", false),
        1,
        layers(d, i -> plain.contains(i) || (i + 1) % step != 0));
  }

  /** DeepSeekMoE (16B); its successors have another attention. */
  static void deepseek(JsonFields c, ConfigDraft d) {
    Families.llamaLike(c, d, 1e-6);
    d.attentionBias = c.flag("attention_bias", false);
    d.outputBias = d.attentionBias;
    int experts = c.integer("n_routed_experts", 1, MoeJson.MAX_EXPERTS, 0);
    if (experts == 0) {
      return; // the family's own dense variant
    }
    int size = c.integer("moe_intermediate_size", 1, 1 << 20, 1407);
    int first = c.integer("first_k_dense_replace", 0, MAX, 0);
    int step = c.integer("moe_layer_freq", 1, MAX, 1);
    d.moe =
        new MoeConfig(
            experts,
            chosen(c, 0),
            size,
            size * c.integer("n_shared_experts", 0, 1024, 0),
            false,
            scoring(c),
            c.flag("norm_topk_prob", false),
            c.number("routed_scaling_factor", 1e-6, 1e6, 1),
            layers(d, i -> i < first || i % step != 0));
  }

  private static Scoring scoring(JsonFields c) {
    String name = c.optionalString("scoring_func").orElse("softmax");
    return switch (name) {
      case "softmax" -> Scoring.SOFTMAX;
      case "sigmoid" -> Scoring.SIGMOID;
      default ->
          throw c.problem(
              "scoring_func",
              "'" + JsonFields.shown(name) + "' is not supported; supported are softmax, sigmoid");
    };
  }

  private static int experts(JsonFields c, String key, int absent) {
    return c.integer(key, 1, MoeJson.MAX_EXPERTS, absent);
  }

  /** Experts of a token; {@code absent} 0 when the file has to say. */
  private static int chosen(JsonFields c, int absent) {
    return absent == 0
        ? c.integer("num_experts_per_tok", 1, MoeJson.MAX_EXPERTS)
        : c.integer("num_experts_per_tok", 1, MoeJson.MAX_EXPERTS, absent);
  }

  private static List<Integer> layers(ConfigDraft d, IntPredicate dense) {
    return IntStream.range(0, d.layers).filter(dense).boxed().toList();
  }
}
