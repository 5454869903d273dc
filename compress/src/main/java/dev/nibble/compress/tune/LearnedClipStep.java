package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.solve.RtnStep;
import dev.nibble.compress.solve.SolveTargets;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.models.Site;
import java.util.List;
import java.util.Optional;

/**
 * A step that reconstructs decoder blocks with learned ranges of weights and changes of basis, and
 * stores the weights on the learned grids. Embedding and head are rounded to nearest.
 */
abstract class LearnedClipStep implements Step {
  private final String name;
  private final SolveTargets targets;
  private final RoundingOptions rounding;
  private final TuneOptions tuning;
  private final ClipOptions clipping;
  private ModelConfig config;

  /**
   * @param name recipe key
   * @param targets which sites, stored how
   * @param rounding grids, and the search for first ranges
   * @param clipping how ranges are learned
   */
  LearnedClipStep(
      String name,
      SolveTargets targets,
      RoundingOptions rounding,
      TuneOptions tuning,
      ClipOptions clipping) {
    this.name = name;
    this.targets = targets;
    this.rounding = rounding;
    this.tuning = tuning;
    this.clipping = clipping;
  }

  /** What to start a block from; the last one cannot fail. */
  abstract List<BlockReconstruction.Start> starts(BlockTask task, ModelConfig model);

  @Override
  public final Needs needs() {
    return Needs.BOTH_INPUTS;
  }

  @Override
  public final List<String> objections(ModelConfig model) {
    return targets.objections(model);
  }

  @Override
  public final Optional<StoredForm> stores(Site site, Allocation allocation) {
    return targets
        .specOf(site, allocation.of(site.name()))
        .map(spec -> new StoredForm.OfSpec(spec, false));
  }

  @Override
  public final long workingBytes(BlockShape shape) {
    return TuneMemory.bytes(shape, tuning);
  }

  @Override
  public final void prepare(ModelTask task) {
    config = task.model().config();
  }

  @Override
  public final void apply(BlockTask task) {
    if (!task.block().name().startsWith("model.layers.")) {
      new RtnStep(targets, rounding).apply(task);
      return;
    }
    ClippedSites sites = new ClippedSites(task, name, targets, rounding, clipping.scaleGradient());
    if (!sites.isEmpty()) {
      new BlockReconstruction(task, name, tuning, sites, clipping.rate()).run(starts(task, config));
    }
  }
}
