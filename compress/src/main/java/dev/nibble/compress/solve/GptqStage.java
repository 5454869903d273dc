package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.allocate.Assignment;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.core.NibbleException;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Solves the sites of one stage, which share a Hessian. A site keeps the round-to-nearest result
 * (with {@code keep_grid} what the earlier step stored) where that has the smaller error on the
 * calibration inputs, and everything out of the ordinary becomes an event: {@code gptq.damping},
 * {@code gptq.dead-inputs}, {@code gptq.few-tokens}, {@code gptq.fallback}, {@code gptq.kept-rtn}.
 */
final class GptqStage {
  private final BlockTask task;
  private final Stage stage;
  private final SolveTargets targets;
  private final GptqOptions options;

  GptqStage(BlockTask task, Stage stage, SolveTargets targets, GptqOptions options) {
    this.task = task;
    this.stage = stage;
    this.targets = targets;
    this.options = options;
  }

  /** Solves and stores every targeted site of the stage. */
  void solve(Hessian hessian) {
    Optional<Curvature> curvature = curvature(hessian);
    try (Tensor inputs = Torch.scope(() -> hessian.matrix().to(ScalarType.Float))) {
      for (Site site : stage.sites()) {
        targets
            .assignment(site, task.notes().assignment(site.name()))
            .ifPresent(assignment -> solve(site, assignment, curvature, inputs));
      }
    }
  }

  private Optional<Curvature> curvature(Hessian hessian) {
    String site = stage.sites().getFirst().name();
    if (hessian.tokens() < hessian.inputs()) {
      task.events()
          .record(
              "gptq.few-tokens",
              site,
              hessian.tokens() + " input vectors for " + hessian.inputs() + " inputs");
    }
    Optional<Curvature> found =
        Torch.scope(
            () ->
                Curvature.of(
                    hessian.matrix(), options.dampPercent(), options.actOrder(), task.workers()));
    found.ifPresent(
        curvature -> {
          curvature.rescues().forEach(what -> task.events().record("gptq.damping", site, what));
          if (curvature.deadCount() > 0) {
            String count = curvature.deadCount() + " of " + curvature.size();
            task.events().record("gptq.dead-inputs", site, count + " inputs are always zero");
          }
        });
    return found;
  }

  private void solve(
      Site site, Assignment assignment, Optional<Curvature> curvature, Tensor inputs) {
    float[] w = SiteWeights.read(task, site);
    Parts parts = Parts.of(assignment, site.outputs(), site.inputs());
    if (assignment instanceof Assignment.Columns columns) {
      PackedTensor rtn =
          ColumnForms.round(
              parts, w, site.outputs(), site.inputs(), options.rounding(), task.workers());
      Optional<PackedTensor> solved =
          noted(site, curvature, c -> GptqColumns.solve(w, c, columns, options, task.workers()));
      SiteOutcome.keepBetter(task, site, "gptq", parts.text(), w, rtn, solved, inputs);
    } else {
      solveRows(site, parts, w, curvature, inputs);
    }
  }

  private void solveRows(
      Site site, Parts parts, float[] w, Optional<Curvature> curvature, Tensor inputs) {
    long[] shape = {site.outputs(), site.inputs()};
    PackedTensor before =
        options.keepGrid()
            ? task.block().state(site.name()).packed().orElse(null)
            : parts.solve(
                w,
                site.outputs(),
                site.inputs(),
                (values, part) -> rounded(values, parts.shapeOf(part, shape), part.spec()));
    List<AffineTensor> grids =
        options.keepGrid() ? KeptGrid.of(before, parts, site, "gptq") : List.of();
    SiteOutcome.keepBetter(
        task,
        site,
        "gptq",
        parts.text(),
        w,
        before,
        noted(site, curvature, c -> solveParts(site, parts, grids, w, c)),
        inputs);
  }

  /** With a group index where the plan counts one, so that sizes come out as planned. */
  private AffineTensor rounded(float[] values, long[] shape, QuantSpec spec) {
    AffineTensor rtn =
        (AffineTensor)
            RoundToNearest.quantize(values, shape, spec, options.rounding(), task.workers());
    return options.storesGroupIndex(spec) ? Gptq.withConsecutiveGroups(rtn, spec) : rtn;
  }

  /** What a solver makes of the curvature; that there is nothing becomes an event or a failure. */
  private Optional<PackedTensor> noted(
      Site site,
      Optional<Curvature> curvature,
      Function<Curvature, Optional<PackedTensor>> solver) {
    Optional<PackedTensor> solution = curvature.flatMap(solver);
    if (solution.isEmpty()) {
      String why =
          curvature.isPresent()
              ? "error compensation overflowed"
              : "its calibration inputs are all zero or not finite, or their Hessian cannot be"
                  + " factored";
      if (options.fallback() == GptqOptions.Fallback.FAIL) {
        throw new NibbleException(
            "site "
                + site.name()
                + ": "
                + why
                + "; use other calibration data, or fallback: rtn to round it to nearest");
      }
      task.events().record("gptq.fallback", site.name(), why + "; rounded to nearest");
    }
    return solution;
  }

  /** Rows are independent, so each part of rows is solved by itself; empty after an overflow. */
  private Optional<PackedTensor> solveParts(
      Site site, Parts parts, List<AffineTensor> grids, float[] w, Curvature curvature) {
    boolean[] overflow = new boolean[1];
    PackedTensor packed =
        parts.solve(
            w,
            site.outputs(),
            site.inputs(),
            (values, part) -> {
              Gptq.Solution solution =
                  grids.isEmpty()
                      ? Gptq.solve(values, curvature, part.spec(), options, task.workers())
                      : Gptq.solveOn(
                          grids.get(parts.parts().indexOf(part)),
                          values,
                          curvature,
                          part.spec(),
                          options,
                          task.workers());
              overflow[0] |= !Double.isFinite(solution.loss());
              return solution.pack(part.members().length, site.inputs(), part.spec());
            });
    return overflow[0] ? Optional.empty() : Optional.of(packed);
  }
}
