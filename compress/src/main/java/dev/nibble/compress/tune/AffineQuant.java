package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.solve.SolveTargets;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.rounding.RoundingOptions;
import java.util.List;

/**
 * AffineQuant (Ma et al. 2024): as {@link OmniQuant}, with matrices in place of channel scales
 * ({@link AffinePlaces}), which a gradual mask keeps strictly diagonally dominant ({@link
 * MaskedMatrix}). A block whose matrices fail (a loss that is not finite from the start, an
 * ill-conditioned matrix, an inexact fold) is tuned with channel scales instead, and an event says
 * so.
 */
final class AffineQuant extends LearnedClipStep {
  static final String NAME = "affinequant";

  private final AffineOptions options;

  AffineQuant(
      SolveTargets targets,
      RoundingOptions rounding,
      TuneOptions tuning,
      ClipOptions clipping,
      AffineOptions options) {
    super(NAME, targets, rounding, tuning, clipping);
    this.options = options;
  }

  @Override
  List<BlockReconstruction.Start> starts(BlockTask task, ModelConfig model) {
    ScalePlaces scales = new ScalePlaces(task, NAME, model, options.scales());
    AffinePlaces places = new AffinePlaces(task, model, options, scales);
    boolean exact = places.exact();
    return List.of(
        new BlockReconstruction.Start("smoothing diagonals", () -> places.all(true), true, exact),
        new BlockReconstruction.Start("diagonals of 1", () -> places.all(false), true, exact),
        new BlockReconstruction.Start("smoothing scales", () -> scales.all(true), false, true),
        BlockReconstruction.Start.PLAIN);
  }
}
