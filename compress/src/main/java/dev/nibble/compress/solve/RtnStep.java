package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Site;
import java.util.List;
import java.util.Optional;

/**
 * Rounds every weight to the nearest value of its grid (sheet 12a): no data, no compensation; what
 * every other solver is measured against. The error it reports is of the weights alone. Rows are
 * rounded in parallel.
 */
public final class RtnStep implements Step {
  private final SolveTargets targets;
  private final RoundingOptions rounding;

  /** Rounds the targeted sites. */
  public RtnStep(SolveTargets targets, RoundingOptions rounding) {
    this.targets = targets;
    this.rounding = rounding;
  }

  @Override
  public Needs needs() {
    return Needs.NOTHING;
  }

  @Override
  public List<String> objections(ModelConfig config) {
    return targets.objections(config);
  }

  @Override
  public Optional<StoredForm> stores(Site site, Allocation allocation) {
    return targets
        .parts(site, allocation.of(site.name()))
        .map(parts -> parts.form(spec -> new StoredForm.OfSpec(spec, false)));
  }

  /** The largest site's weights, its values once rounded, and its codes twice. */
  @Override
  public long workingBytes(BlockShape shape) {
    return shape.stages().stream()
        .flatMap(stage -> stage.sites().stream())
        .filter(site -> targets.targets(site, shape.allocation().of(site.name())))
        .mapToLong(site -> 10L * site.outputs() * site.inputs())
        .max()
        .orElse(0);
  }

  @Override
  public void apply(BlockTask task) {
    apply(
        task,
        task.block().sites().stream()
            .filter(site -> targets.targets(site, task.notes().assignment(site.name())))
            .toList());
  }

  /** Rounds these sites, each of which has a spec. */
  void apply(BlockTask task, List<Site> sites) {
    for (Site site : sites) {
      Parts parts = targets.parts(site, task.notes().assignment(site.name())).orElseThrow();
      float[] w = SiteWeights.read(task, site);
      PackedTensor packed = round(parts, w, site, rounding, task.workers());
      double error = Objective.relative(w, packed.toFloats());
      SiteWeights.store(task, site, w, packed);
      task.events().solved(site.name(), parts.text(), error, error);
    }
  }

  /** A weight with each part rounded to nearest as its spec says. */
  static PackedTensor round(
      Parts parts, float[] w, Site site, RoundingOptions rounding, Workers workers) {
    long[] shape = {site.outputs(), site.inputs()};
    return parts.solve(
        w,
        site.outputs(),
        site.inputs(),
        (values, part) ->
            RoundToNearest.quantize(
                values, parts.shapeOf(part, shape), part.spec(), rounding, workers));
  }
}
