package dev.nibble.core.op;

import java.util.List;
import java.util.Optional;

/**
 * The run-time parts of a site that are not its weight: stored in the artefact's manifest beside
 * the tensors. At an attention core (site {@code model.layers.N.self_attn}) the transforms apply to
 * queries and keys after the rotary embedding.
 *
 * @param onlineTransforms applied to the input in order
 * @param inputQuant quantizer of the transformed input
 * @param outputTransforms applied in order to the weight's product, before the bias is added; none
 *     at an attention core
 */
public record SiteOps(
    List<OnlineTransform> onlineTransforms,
    Optional<ActivationQuant> inputQuant,
    List<OnlineTransform> outputTransforms) {

  /** Nothing but the weight. */
  public static final SiteOps NONE = new SiteOps(List.of(), Optional.empty());

  /** Copies the lists. */
  public SiteOps {
    onlineTransforms = List.copyOf(onlineTransforms);
    outputTransforms = List.copyOf(outputTransforms);
  }

  /** Parts of the input alone. */
  public SiteOps(List<OnlineTransform> onlineTransforms, Optional<ActivationQuant> inputQuant) {
    this(onlineTransforms, inputQuant, List.of());
  }

  /** True when the site runs its weight alone. */
  public boolean isPlain() {
    return plainInput() && outputTransforms.isEmpty();
  }

  /** True when the weight sees the site's input as it is. */
  public boolean plainInput() {
    return onlineTransforms.isEmpty() && inputQuant.isEmpty();
  }

  /** True when nothing but an activation quantizer runs beside the weight, or nothing at all. */
  public boolean withoutTransforms() {
    return onlineTransforms.isEmpty() && outputTransforms.isEmpty();
  }
}
