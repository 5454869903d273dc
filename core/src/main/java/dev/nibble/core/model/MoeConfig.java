package dev.nibble.core.model;

import java.util.List;

/**
 * Mixture of experts: in its layers a router chooses, for each token, {@code topK} of {@code
 * experts} small MLPs, whose outputs are added with the router's weights; a shared expert, if there
 * is one, sees every token.
 *
 * @param experts routed experts of a layer, 0 for a model without
 * @param topK experts that each token goes to, at most {@code experts}
 * @param expertSize inner width of a routed expert
 * @param sharedSize inner width of the shared expert, 0 for none; several shared experts are one of
 *     their summed width
 * @param sharedGate the shared expert's output is multiplied by the sigmoid of a linear of its own
 * @param scoring how router logits become scores
 * @param normTopK the chosen experts' scores are divided by their sum
 * @param routedScale factor on the weights of routed experts
 * @param denseLayers layers that have a plain MLP of {@link ModelConfig#ffnSize} instead, ascending
 */
public record MoeConfig(
    int experts,
    int topK,
    int expertSize,
    int sharedSize,
    boolean sharedGate,
    Scoring scoring,
    boolean normTopK,
    double routedScale,
    List<Integer> denseLayers) {

  /** A model whose layers all have a plain MLP. */
  public static final MoeConfig NONE =
      new MoeConfig(0, 0, 0, 0, false, Scoring.SOFTMAX, false, 1, List.of());

  /** How router logits become scores. */
  public enum Scoring {
    /** Softmax over all experts. */
    SOFTMAX,
    /** Sigmoid of each logit. */
    SIGMOID
  }

  /** Copies the list. */
  public MoeConfig {
    denseLayers = List.copyOf(denseLayers);
  }

  /** True when there are experts. */
  public boolean present() {
    return experts > 0;
  }

  /** True when that layer has experts. */
  public boolean at(int layer) {
    return present() && !denseLayers.contains(layer);
  }
}
