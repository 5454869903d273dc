package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import java.util.Optional;

/** Applies {@link Spqr} to the linear sites of a block. */
final class SpqrStep extends HessianStep {
  /** What a plan expects of a threshold: the paper's shares are about this. */
  private static final double USUAL_SHARE = 0.01;

  private final SpqrOptions options;

  SpqrStep(SolveTargets targets, SpqrOptions options) {
    super(targets, options.rounding(), options.trueSequential());
    this.options = options;
  }

  /** What linear sites are stored as. */
  static StoredForm form(QuantSpec spec, SpqrOptions options) {
    StoredForm codes =
        options.plain()
            ? new StoredForm.OfSpec(spec, false)
            : new BilevelForm(columns -> options.layout(spec, columns));
    StoredForm ordered =
        options.order() == SpqrOptions.Order.IDENTITY ? codes : new ReorderedForm(codes);
    return options.withoutOutliers()
        ? ordered
        : new SparseForm(ordered, options.share().orElse(USUAL_SHARE));
  }

  @Override
  public Optional<StoredForm> stores(Site site, Allocation allocation) {
    return targets()
        .specOf(site, allocation.of(site.name()))
        .map(
            spec ->
                site.kind() == Site.Kind.LINEAR
                    ? form(spec, options)
                    : new StoredForm.OfSpec(spec, false));
  }

  /** As GPTQ, and which weights are kept with their values. */
  @Override
  public long workingBytes(BlockShape shape) {
    long largest =
        shape.stages().stream()
            .flatMap(stage -> stage.sites().stream())
            .filter(site -> targets().targets(site, shape.allocation().of(site.name())))
            .mapToLong(site -> (long) site.outputs() * site.inputs())
            .max()
            .orElse(0);
    return super.workingBytes(shape) + 5 * largest;
  }

  @Override
  protected void solve(BlockTask task, Stage stage, Hessian hessian) {
    new SpqrStage(task, stage, targets(), options).solve(hessian);
  }
}
