package dev.nibble.io.model;

import dev.nibble.core.model.LocalAttention;
import dev.nibble.core.model.ModelConfig.Residual;
import dev.nibble.core.model.RopeConfig;
import dev.nibble.core.model.Scalars;
import dev.nibble.io.json.JsonFields;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How {@code config.json} describes Gemma 2 and the text model of Gemma 3. Their files hold norm
 * gains minus 1, which {@link TensorTable#unitOffset} undoes.
 */
final class GemmaFamilies {
  private static final int MAX = ConfigDraft.MAX_COUNT;
  private static final double HUGE = 1e12;

  private GemmaFamilies() {}

  static void gemma2(JsonFields c, ConfigDraft d) {
    common(c, d, 8192);
    Families.rotary(c, d, "rope_theta", "partial_rotary_factor", 1);
    d.scalars =
        new Scalars(
            d.scalars.embedding(),
            d.scalars.attention(),
            cap(c, "attn_logit_softcapping", 50),
            cap(c, "final_logit_softcapping", 30));
    d.local = local(c, d, 2, d.rope);
  }

  static void gemma3(JsonFields c, ConfigDraft d) {
    common(c, d, 131072);
    d.qkNorm = true;
    d.scalars =
        new Scalars(
            d.scalars.embedding(),
            d.scalars.attention(),
            cap(c, "attn_logit_softcapping", 0),
            cap(c, "final_logit_softcapping", 0));
    d.rope = HfRope.readOf(c, "full_attention", d.headDim, d.maxPositions, "rope_theta", 1e6);
    RopeConfig near =
        HfRope.hasOf(c, "sliding_attention")
            ? HfRope.readOf(
                c, "sliding_attention", d.headDim, d.maxPositions, "rope_local_base_freq", 1e4)
            : RopeConfig.plain(c.number("rope_local_base_freq", 1.001, HUGE, 1e4), d.headDim);
    String key = c.spelling("sliding_window_pattern", "_sliding_window_pattern");
    d.local = local(c, d, c.integer(key, 1, MAX, 6), near);
    Families.only(c, "use_bidirectional_attention", false);
  }

  private static void common(JsonFields c, ConfigDraft d, int defaultPositions) {
    Families.sizes(c, d, "hidden_size", "num_hidden_layers", "num_attention_heads");
    d.kvHeads = c.integer("num_key_value_heads", 1, MAX, 4);
    d.headDim = c.integer("head_dim", 1, MAX, 256);
    d.ffnSize = c.integer("intermediate_size", 1, MAX);
    d.maxPositions = c.integer("max_position_embeddings", 1, MAX, defaultPositions);
    d.normEps = Families.eps(c, "rms_norm_eps", 1e-6);
    d.activation = Families.activation(c, "hidden_activation", "gelu_pytorch_tanh");
    d.residual = Residual.SANDWICH;
    d.attentionBias = c.flag("attention_bias", false);
    d.outputBias = d.attentionBias;
    d.tiedHead = c.flag("tie_word_embeddings", true);
    double width = c.number("query_pre_attn_scalar", 1e-6, HUGE, 256);
    d.scalars =
        new Scalars(Math.sqrt(d.hiddenSize), width == d.headDim ? 0 : 1 / Math.sqrt(width), 0, 0);
  }

  /** A cap that is switched off by {@code null}; an absent field has the family's default. */
  private static double cap(JsonFields c, String key, double absent) {
    return c.number(key, 0, HUGE, c.node().has(key) ? 0 : absent);
  }

  /** Every layer but each {@code pattern}-th, unless {@code layer_types} says otherwise. */
  private static LocalAttention local(JsonFields c, ConfigDraft d, int pattern, RopeConfig rope) {
    int window = c.integer("sliding_window", 0, MAX, c.node().has("sliding_window") ? 0 : 4096);
    if (window == 0) {
      return LocalAttention.NONE;
    }
    List<String> types = c.strings("layer_types");
    if (!types.isEmpty() && types.size() != d.layers) {
      throw c.problem("layer_types", types.size() + " entries for " + d.layers + " layers");
    }
    List<Integer> layers =
        IntStream.range(0, d.layers)
            .filter(
                i ->
                    types.isEmpty()
                        ? (i + 1) % pattern != 0
                        : types.get(i).equals("sliding_attention"))
            .boxed()
            .toList();
    return layers.isEmpty() ? LocalAttention.NONE : new LocalAttention(window, rope, layers);
  }
}
