package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Step;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Site;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * Rounds every weight to the nearest value of its grid (sheet 12a): no data, no compensation; what
 * every other solver is measured against. The error it reports is of the weights alone. Sites of a
 * block are rounded in parallel.
 */
final class RtnStep implements Step {
  private final SolveTargets targets;
  private final RoundingOptions rounding;

  RtnStep(SolveTargets targets, RoundingOptions rounding) {
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
  public Optional<StoredForm> stores(Site site) {
    return targets.specOf(site).map(spec -> new StoredForm(spec, false));
  }

  /** Weights, codes and scales of as many of the largest sites as there are threads. */
  @Override
  public long workingBytes(BlockShape shape) {
    return shape.stages().stream()
        .flatMap(stage -> stage.sites().stream())
        .filter(site -> targets.specOf(site).isPresent())
        .map(site -> 4L * site.outputs() * site.inputs() * 3)
        .sorted(Collections.reverseOrder())
        .limit(shape.threads())
        .reduce(0L, Long::sum);
  }

  @Override
  public void apply(BlockTask task) {
    apply(task, task.block().sites().stream().filter(s -> targets.specOf(s).isPresent()).toList());
  }

  /** Rounds these sites, each of which has a spec. */
  void apply(BlockTask task, List<Site> sites) {
    List<Rounded> results = new ArrayList<>(Collections.nCopies(sites.size(), null));
    task.workers().forEach(sites.size(), i -> results.set(i, round(task, sites.get(i))));
    for (int i = 0; i < sites.size(); i++) {
      Site site = sites.get(i);
      Rounded rounded = results.get(i);
      SiteWeights.store(task.block(), site, rounded.packed());
      task.events()
          .solved(site.name(), rounded.spec(), rounded.relativeError(), rounded.relativeError());
    }
  }

  private record Rounded(PackedTensor packed, String spec, double relativeError) {}

  private Rounded round(BlockTask task, Site site) {
    QuantSpec spec = targets.specOf(site).orElseThrow();
    float[] w = SiteWeights.read(task.block(), site);
    PackedTensor packed =
        RoundToNearest.quantize(w, new long[] {site.outputs(), site.inputs()}, spec, rounding);
    return new Rounded(packed, spec.text(), Objective.relative(w, packed.toFloats()));
  }
}
