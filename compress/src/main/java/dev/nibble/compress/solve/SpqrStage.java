package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.core.rounding.BilevelBuilder;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Solves the sites of one stage, which share a Hessian. Events: {@code spqr.outliers} with each
 * site's share, and {@code spqr.damping}, {@code spqr.dead-inputs}, {@code spqr.few-tokens}, {@code
 * spqr.fallback}, {@code spqr.kept-rtn} where something is out of the ordinary.
 */
final class SpqrStage {
  private static final String STEP = "spqr";

  private final BlockTask task;
  private final Stage stage;
  private final SolveTargets targets;
  private final SpqrOptions options;

  SpqrStage(BlockTask task, Stage stage, SolveTargets targets, SpqrOptions options) {
    this.task = task;
    this.stage = stage;
    this.targets = targets;
    this.options = options;
  }

  /** Solves and stores every targeted site of the stage. */
  void solve(Hessian hessian) {
    String first = stage.sites().getFirst().name();
    if (hessian.tokens() < hessian.inputs()) {
      task.events()
          .record(
              STEP + ".few-tokens",
              first,
              hessian.tokens() + " input vectors for " + hessian.inputs() + " inputs");
    }
    try (Tensor moments = Torch.owned(hessian::matrix);
        Tensor inputs = Torch.owned(() -> moments.to(ScalarType.Float))) {
      Optional<Curvature> shared =
          options.order() == SpqrOptions.Order.SPEARMAN
              ? Optional.empty()
              : noted(first, shared(moments));
      for (Site site : stage.sites()) {
        targets
            .specOf(site, task.notes().assignment(site.name()))
            .ifPresent(spec -> solve(site, spec, moments, shared, inputs));
      }
    }
  }

  private Optional<Curvature> shared(Tensor moments) {
    boolean actOrder = options.order() == SpqrOptions.Order.ACT_ORDER;
    return Curvature.of(moments, options.dampPercent(), actOrder, task.workers());
  }

  private Optional<Curvature> noted(String site, Optional<Curvature> found) {
    found.ifPresent(
        curvature -> {
          curvature.rescues().forEach(what -> task.events().record(STEP + ".damping", site, what));
          if (curvature.deadCount() > 0) {
            String count = curvature.deadCount() + " of " + curvature.size();
            task.events().record(STEP + ".dead-inputs", site, count + " inputs are always zero");
          }
        });
    return found;
  }

  private void solve(
      Site site, QuantSpec spec, Tensor moments, Optional<Curvature> shared, Tensor inputs) {
    float[] w = SiteWeights.read(task, site);
    Optional<Curvature> curvature =
        options.order() == SpqrOptions.Order.SPEARMAN
            ? noted(
                site.name(),
                Curvature.of(
                    moments,
                    options.dampPercent(),
                    ColumnOrder.spearman(w, site.inputs()),
                    task.workers()))
            : shared;
    Optional<Spqr.Solution> solution =
        curvature
            .map(c -> Spqr.solve(w, c, spec, options, task.workers()))
            .filter(s -> Double.isFinite(s.loss()));
    record(site, curvature, solution);
    SiteOutcome.keepBetter(
        task,
        site,
        STEP,
        SpqrStep.form(spec, options).text(),
        w,
        rounded(w, site, spec),
        solution.map(Spqr.Solution::packed),
        inputs);
  }

  private void record(Site site, Optional<Curvature> curvature, Optional<Spqr.Solution> solution) {
    if (solution.isEmpty()) {
      String why =
          curvature.isPresent()
              ? "error compensation overflowed"
              : "its calibration inputs are all zero or not finite, or their Hessian cannot be"
                  + " factored";
      task.events().record(STEP + ".fallback", site.name(), why + "; rounded to nearest");
    } else if (!options.withoutOutliers()) {
      task.events()
          .record(
              STEP + ".outliers",
              site.name(),
              String.format(
                  Locale.ROOT,
                  "%.3f %% of the weights, threshold %.4g",
                  100 * solution.get().share(),
                  solution.get().threshold()));
    }
  }

  /** Rounded to nearest with the same kind of scales, in place and without outliers. */
  private PackedTensor rounded(float[] w, Site site, QuantSpec spec) {
    long[] shape = {site.outputs(), site.inputs()};
    return options.plain()
        ? RoundToNearest.quantize(w, shape, spec, options.rounding(), task.workers())
        : BilevelBuilder.round(w, shape, options.layout(spec, site.inputs()), task.workers());
  }
}
