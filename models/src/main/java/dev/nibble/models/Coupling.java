package dev.nibble.models;

import java.util.List;

/**
 * Parameters that may be rewritten together without changing the function: scaling (or rotating)
 * the producer's output axis by M and the consumers' input axis by M⁻¹.
 *
 * @param kind what the producer is
 * @param producer canonical module name: a norm, or a linear whose last {@code width} output rows
 *     feed the consumers
 * @param consumers canonical names of the linears that read it, all of them
 * @param width channels coupled
 * @param repeat each producer channel feeds this many consumer channel groups (GQA v→o: {@code
 *     heads / kvHeads}; else 1)
 * @param headDim head width for {@link Kind#VALUE_TO_OUTPUT}, else 0
 */
public record Coupling(
    Kind kind, String producer, List<String> consumers, int width, int repeat, int headDim) {

  /** Kinds of coupling. */
  public enum Kind {
    /**
     * A norm's gain (and bias) and the linears that read it, in a layer with experts the router and
     * all experts: any diagonal scaling.
     */
    NORM_TO_LINEARS,
    /** v_proj → o_proj through attention (mixing over tokens is linear): per-head maps. */
    VALUE_TO_OUTPUT,
    /** up_proj → down_proj of a gated MLP: diagonal scaling. */
    UP_TO_DOWN,
    /** Linear → ReLU → linear: positive diagonal scaling (OPT fc1 → fc2). */
    LINEAR_RELU_LINEAR
  }

  /** Copies the list. */
  public Coupling {
    consumers = List.copyOf(consumers);
  }
}
