package dev.nibble.core.op;

import java.util.List;
import java.util.Optional;

/**
 * The run-time parts of a site that are not its weight: stored in the artefact's manifest beside
 * the tensors. At an attention core (site {@code model.layers.N.self_attn}) the transforms apply to
 * queries and keys after the rotary embedding.
 */
public record SiteOps(
    List<OnlineTransform> onlineTransforms, Optional<ActivationQuant> inputQuant) {

  /** Nothing but the weight. */
  public static final SiteOps NONE = new SiteOps(List.of(), Optional.empty());

  /** Copies the list. */
  public SiteOps {
    onlineTransforms = List.copyOf(onlineTransforms);
  }

  /** True when the site runs its weight alone. */
  public boolean isPlain() {
    return onlineTransforms.isEmpty() && inputQuant.isEmpty();
  }
}
