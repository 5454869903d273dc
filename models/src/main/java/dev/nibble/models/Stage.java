package dev.nibble.models;

import java.util.List;

/**
 * Sites of a block that read the same input, in execution order of stages: (q, k, v), (o), (gate,
 * up), (down). They share one Hessian; a true-sequential solver handles one stage after the other.
 *
 * @param name stages of a block with equal names stand side by side, none behind another: those of
 *     the experts of a layer. Experts are stages of their own because each reads other tokens
 * @param sites at least one
 */
public record Stage(String name, List<Site> sites) {
  /** Copies the list. */
  public Stage {
    sites = List.copyOf(sites);
  }
}
