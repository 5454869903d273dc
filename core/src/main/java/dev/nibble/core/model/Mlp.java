package dev.nibble.core.model;

import java.util.ArrayList;
import java.util.List;

/**
 * A feed-forward network of a decoder block: the plain one, a routed expert, or the shared expert.
 * Its linears are {@code module + ".up_proj"} and so on.
 *
 * @param module canonical module name, as {@code model.layers.3.mlp.experts.7}
 * @param size inner width
 * @param expert index among the routed experts, -1 when it sees every token
 */
public record Mlp(String module, int size, int expert) {
  /** Ends of the linears' names. */
  static final String UP = ".up_proj";

  static final String GATE = ".gate_proj";
  static final String DOWN = ".down_proj";

  /** Those of a layer: the plain one; or the shared expert if there is one, then the routed. */
  public static List<Mlp> of(ModelConfig config, int layer) {
    MoeConfig moe = config.moe();
    if (!moe.at(layer)) {
      return List.of(new Mlp(TensorNames.layer(layer, TensorNames.MLP), config.ffnSize(), -1));
    }
    List<Mlp> out = new ArrayList<>();
    if (moe.sharedSize() > 0) {
      out.add(new Mlp(TensorNames.layer(layer, TensorNames.SHARED_EXPERT), moe.sharedSize(), -1));
    }
    for (int e = 0; e < moe.experts(); e++) {
      out.add(new Mlp(TensorNames.expert(layer, e), moe.expertSize(), e));
    }
    return List.copyOf(out);
  }

  /** True for a routed expert. */
  public boolean routed() {
    return expert >= 0;
  }

  /** Module of the gate projection; there is one when the configuration says {@code gated}. */
  public String gate() {
    return module + GATE;
  }

  /** Module of the up projection. */
  public String up() {
    return module + UP;
  }

  /** Module of the down projection. */
  public String down() {
    return module + DOWN;
  }
}
