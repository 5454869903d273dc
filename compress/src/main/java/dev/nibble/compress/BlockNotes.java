package dev.nibble.compress;

import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.allocate.Assignment;
import dev.nibble.compress.calibrate.ExpertQuota;
import dev.nibble.compress.calibrate.TokenWeights;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What the steps of a recipe tell each other about the block at hand. Written by one step at a
 * time, between forward passes.
 */
public final class BlockNotes {
  private final Allocation allocation;
  private final boolean keepsTargets;
  private final Map<String, Assignment> assignments = new HashMap<>();
  private final Map<String, float[]> targets = new HashMap<>();
  private TokenWeights tokenWeights;
  private ExpertQuota expertQuota;

  /**
   * @param allocation what was decided for the whole model
   * @param keepsTargets several steps store the same weights, so that the unquantized ones must be
   *     kept for the later
   */
  public BlockNotes(Allocation allocation, boolean keepsTargets) {
    this.allocation = allocation;
    this.keepsTargets = keepsTargets;
  }

  /** Decides for a site of this block. */
  public void assign(String site, Assignment assignment) {
    assignments.put(site, assignment);
  }

  /** What was decided for a site: for this block, else for the model. */
  public Optional<Assignment> assignment(String site) {
    Assignment own = assignments.get(site);
    return own == null ? allocation.of(site) : Optional.of(own);
  }

  /** True when an allocate step wants the input of a site to stay as it is at run time. */
  public boolean keepsInput(String site) {
    return allocation.keepsInput(site);
  }

  /** Notes the values of a weight before the first step that stores it; later calls are ignored. */
  public void target(String site, float[] weight) {
    if (keepsTargets) {
      targets.putIfAbsent(site, weight);
    }
  }

  /** The weight as it was before a step stored it; empty when none has. Not to be modified. */
  public Optional<float[]> target(String site) {
    return Optional.ofNullable(targets.get(site));
  }

  /** How calibration tokens are shared out among experts in what follows, if not as they come. */
  public Optional<ExpertQuota> expertQuota() {
    return Optional.ofNullable(expertQuota);
  }

  /** Sets how calibration tokens are shared out among experts. */
  public void expertQuota(ExpertQuota quota) {
    this.expertQuota = quota;
  }

  /** How much each calibration token counts in what follows, if not all the same. */
  public Optional<TokenWeights> tokenWeights() {
    return Optional.ofNullable(tokenWeights);
  }

  /** Sets how much each calibration token counts. */
  public void tokenWeights(TokenWeights weights) {
    this.tokenWeights = weights;
  }
}
