package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import java.util.Optional;

/** Applies {@link QuantEase} to the linear sites of a block. */
final class QuantEaseStep extends HessianStep {
  private final QuantEaseOptions options;

  QuantEaseStep(SolveTargets targets, QuantEaseOptions options) {
    super(targets, options.rounding(), options.trueSequential());
    this.options = options;
  }

  @Override
  public Optional<StoredForm> stores(Site site, Allocation allocation) {
    return targets()
        .specOf(site, allocation.of(site.name()))
        .map(
            spec ->
                new StoredForm.OfSpec(
                    spec, site.kind() == Site.Kind.LINEAR && options.storesGroupIndex(spec)));
  }

  @Override
  protected void solve(BlockTask task, Stage stage, Hessian hessian) {
    new QuantEaseStage(task, stage, targets(), options).solve(hessian);
  }
}
