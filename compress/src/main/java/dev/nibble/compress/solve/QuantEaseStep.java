package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.allocate.Assignment;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.core.spec.QuantSpec;
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
                site.kind() == Site.Kind.LINEAR ? form(spec) : new StoredForm.OfSpec(spec, false));
  }

  private StoredForm form(QuantSpec spec) {
    return options.outliers() > 0
        ? new OutlierStorage(spec, options).form(options)
        : new StoredForm.OfSpec(spec, options.storesGroupIndex(spec));
  }

  /** With outliers all rows of a weight are at work at once. */
  @Override
  public long workingBytes(BlockShape shape) {
    long largest =
        shape.stages().stream()
            .flatMap(stage -> stage.sites().stream())
            .filter(site -> targets().targets(site, shape.allocation().of(site.name())))
            .mapToLong(site -> (long) site.outputs() * site.inputs())
            .max()
            .orElse(0);
    return super.workingBytes(shape) + (options.outliers() > 0 ? 40 * largest : 0);
  }

  @Override
  protected boolean solvesTable(Assignment assignment) {
    return assignment instanceof Assignment.Uniform uniform
        && uniform.spec().affine()
        && options.outliers() == 0
        && !options.storesGroupIndex(uniform.spec());
  }

  @Override
  protected void solve(BlockTask task, Stage stage, Hessian hessian) {
    new QuantEaseStage(task, stage, targets(), options).solve(hessian);
  }
}
