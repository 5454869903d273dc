package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.solve.RtnStep;
import dev.nibble.compress.solve.SolveTargets;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.models.Site;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Learns, block by block, where to clip each weight group (OmniQuant, Shao et al. 2024), then
 * stores the weights on the learned grids.
 */
final class OmniQuant implements Step {
  private static final String NAME = "omniquant";

  private final SolveTargets targets;
  private final RoundingOptions rounding;
  private final TuneOptions tuning;
  private final OmniQuantOptions options;

  OmniQuant(
      SolveTargets targets,
      RoundingOptions rounding,
      TuneOptions tuning,
      OmniQuantOptions options) {
    this.targets = targets;
    this.rounding = rounding;
    this.tuning = tuning;
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.BOTH_INPUTS;
  }

  @Override
  public List<String> objections(ModelConfig config) {
    return targets.objections(config);
  }

  @Override
  public Optional<StoredForm> stores(Site site, Allocation allocation) {
    return targets
        .specOf(site, allocation.of(site.name()))
        .map(spec -> new StoredForm.OfSpec(spec, false));
  }

  @Override
  public long workingBytes(BlockShape shape) {
    return TuneMemory.bytes(shape, tuning);
  }

  @Override
  public void apply(BlockTask task) {
    if (!task.block().name().startsWith("model.layers.")) {
      new RtnStep(targets, rounding).apply(task);
      return;
    }
    ClippedSites sites = new ClippedSites(task, NAME, targets, rounding);
    if (sites.isEmpty()) {
      return;
    }
    Map<String, LearnedClip> clips = sites.clips(Map.of());
    try (TunedBlock tuned = new TunedBlock(task.block(), List.of(), clips, options.clipRate())) {
      new BlockTuner(task, NAME, tuning).tune(tuned);
      sites.store(clips);
    }
  }
}
