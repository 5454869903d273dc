package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.solve.SolveTargets;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.rounding.RoundingOptions;
import java.util.List;

/**
 * OmniQuant (Shao et al. 2024): learns, block by block, where to clip each weight group ({@link
 * LearnedClip}) and, with {@code let}, channel scales and shifts that move outliers of activations
 * into weights ({@link ScalePlaces}); folds them, then stores the weights on the learned grids.
 *
 * <p>Deviations: training starts from SmoothQuant's scales or from 1, whichever has the smaller
 * held-out loss; the best state on held-out sequences is kept; scales between queries and keys are
 * tied where the rotary embedding would mix them.
 */
final class OmniQuant extends LearnedClipStep {
  static final String NAME = "omniquant";

  private final ScaleOptions scales;

  OmniQuant(
      SolveTargets targets,
      RoundingOptions rounding,
      TuneOptions tuning,
      ClipOptions clipping,
      ScaleOptions scales) {
    super(NAME, targets, rounding, tuning, clipping);
    this.scales = scales;
  }

  @Override
  List<BlockReconstruction.Start> starts(BlockTask task, ModelConfig model) {
    if (!scales.on()) {
      return List.of(BlockReconstruction.Start.PLAIN);
    }
    ScalePlaces places = new ScalePlaces(task, NAME, model, scales);
    boolean exact =
        !places.scalesQueries()
            || scales.queryKey() != ScaleOptions.QueryKey.FREE
            || model.positions() != ModelConfig.Positions.ROPE;
    return List.of(
        new BlockReconstruction.Start("smoothing scales", () -> places.all(true), true, exact),
        new BlockReconstruction.Start("scales of 1", () -> places.all(false), true, exact),
        BlockReconstruction.Start.PLAIN);
  }
}
