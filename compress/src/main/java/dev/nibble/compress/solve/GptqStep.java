package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.allocate.Assignment;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import java.util.Optional;

/** Applies {@link Gptq} to the linear sites of a block, and to an embedding that is the head. */
final class GptqStep extends HessianStep {
  private final GptqOptions options;

  GptqStep(SolveTargets targets, GptqOptions options) {
    super(targets, options.rounding(), options.trueSequential());
    this.options = options;
  }

  @Override
  public Optional<StoredForm> stores(Site site, Allocation allocation) {
    boolean linear = site.kind() == Site.Kind.LINEAR;
    return targets()
        .assignment(site, allocation.of(site.name()))
        .map(
            assignment -> {
              Parts parts = Parts.of(assignment, site.outputs(), site.inputs());
              if (assignment instanceof Assignment.Columns columns && linear) {
                GptqColumns.check(columns, options, site.name());
                return parts.form(ColumnForms::of);
              }
              return parts.form(
                  spec -> new StoredForm.OfSpec(spec, linear && options.storesGroupIndex(spec)));
            });
  }

  @Override
  protected boolean solvesTable(Assignment assignment) {
    return assignment instanceof Assignment.Uniform uniform
        && uniform.spec().affine()
        && !options.storesGroupIndex(uniform.spec());
  }

  @Override
  protected void solve(BlockTask task, Stage stage, Hessian hessian) {
    new GptqStage(task, stage, targets(), options).solve(hessian);
  }
}
