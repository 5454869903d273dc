package dev.nibble.io.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.model.MoeConfig;
import dev.nibble.io.json.JsonFields;
import java.util.Locale;

/** {@link MoeConfig} as JSON, and what must hold between its fields. */
final class MoeJson {
  /** Most experts of a layer. */
  static final int MAX_EXPERTS = 1024;

  private static final int MAX = ConfigDraft.MAX_COUNT;

  private MoeJson() {}

  static ObjectNode write(MoeConfig m) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("experts", m.experts());
    out.put("top_k", m.topK());
    out.put("expert_size", m.expertSize());
    out.put("shared_size", m.sharedSize());
    out.put("shared_gate", m.sharedGate());
    out.put("scoring", m.scoring().name().toLowerCase(Locale.ROOT));
    out.put("norm_top_k", m.normTopK());
    out.put("routed_scale", m.routedScale());
    ArrayNode dense = out.putArray("dense_layers");
    m.denseLayers().forEach(dense::add);
    return out;
  }

  static MoeConfig read(JsonFields m) {
    return new MoeConfig(
        m.integer("experts", 1, MAX_EXPERTS),
        m.integer("top_k", 1, MAX_EXPERTS),
        m.integer("expert_size", 1, MAX),
        m.integer("shared_size", 0, MAX),
        m.flag("shared_gate"),
        m.constant("scoring", MoeConfig.Scoring.class),
        m.flag("norm_top_k"),
        m.number("routed_scale", 1e-6, 1e6),
        m.integers("dense_layers", 0, ConfigDraft.MAX_LAYERS));
  }

  /**
   * Refuses what no router can do.
   *
   * @param source what to blame
   */
  static void check(MoeConfig moe, JsonFields source) {
    if (moe.present() && moe.topK() > moe.experts()) {
      throw source.problem(
          "num_experts_per_tok",
          moe.topK() + " experts for each token, but a layer has only " + moe.experts());
    }
    if (moe.sharedSize() > MAX) {
      throw source.problem("n_shared_experts", "the shared experts are too wide together");
    }
  }
}
