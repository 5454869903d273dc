package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.core.NibbleException;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Solves the sites of one stage, which share a Hessian. Events: {@code quantease.few-tokens},
 * {@code quantease.kept-rtn}, and {@code quantease.fallback} where GPTQ has nothing to start from.
 */
final class QuantEaseStage {
  private static final String STEP = "quantease";

  private final BlockTask task;
  private final Stage stage;
  private final SolveTargets targets;
  private final QuantEaseOptions options;

  QuantEaseStage(BlockTask task, Stage stage, SolveTargets targets, QuantEaseOptions options) {
    this.task = task;
    this.stage = stage;
    this.targets = targets;
    this.options = options;
  }

  /** Where the sweeps over a weight start. */
  private record Start(WeightGrids grids, float[] values, boolean onGrid) {
    static Start of(AffineTensor tensor, QuantSpec spec, QuantEaseOptions options) {
      return new Start(WeightGrids.of(tensor, spec, options.rounding()), tensor.toFloats(), true);
    }
  }

  /** Solves and stores every targeted site of the stage. */
  void solve(Hessian hessian) {
    if (hessian.tokens() < hessian.inputs()) {
      task.events()
          .record(
              STEP + ".few-tokens",
              stage.sites().getFirst().name(),
              hessian.tokens() + " input vectors for " + hessian.inputs() + " inputs");
    }
    try (Tensor moments = Torch.owned(hessian::matrix);
        Tensor inputs = Torch.owned(() -> moments.to(ScalarType.Float));
        DescentMatrix descent =
            new DescentMatrix(moments, options.actOrder(), options.ridge(), options.blockSize())) {
      for (Site site : stage.sites()) {
        targets
            .specOf(site, task.notes().assignment(site.name()))
            .ifPresent(
                spec -> {
                  if (options.outliers() > 0) {
                    solveWithOutliers(site, spec, descent, inputs);
                  } else {
                    solve(site, spec, moments, descent, inputs);
                  }
                });
      }
    }
  }

  private void solve(
      Site site, QuantSpec spec, Tensor moments, DescentMatrix descent, Tensor inputs) {
    float[] w = SiteWeights.read(task, site);
    Start start = start(site, spec, w, moments, descent);
    float[] values =
        QuantEase.solve(
            descent, start.grids, w, start.values, start.onGrid, options, task.workers());
    AffineTensor solved = start.grids.pack(values);
    AffineTensor rtn = rtn(site, spec, w);
    SiteOutcome.keepBetter(
        task,
        site,
        STEP,
        spec.text(),
        w,
        solved.groupIndex() == null ? rtn : Gptq.withConsecutiveGroups(rtn, spec),
        Optional.of(solved),
        inputs);
  }

  private void solveWithOutliers(Site site, QuantSpec spec, DescentMatrix descent, Tensor inputs) {
    float[] w = SiteWeights.read(task, site);
    int columns = site.inputs();
    OutlierChoice choice =
        new OutlierChoice(site.outputs(), columns, options.outliers(), options.structure());
    boolean[] first = choice.largest(w);
    WeightGrids grids = fitted(spec, choice.fitted(w, first), descent);
    OutlierDescent.Solution solution =
        OutlierDescent.solve(descent, grids, choice, w, first, options, task.workers());
    OutlierStorage storage = new OutlierStorage(spec, options);
    SiteOutcome.keepBetter(
        task,
        site,
        STEP,
        storage.form(options).text(),
        w,
        storage.pack(grids, w, first, columns),
        Optional.of(storage.pack(grids, solution.sum(), solution.marked(), columns)),
        inputs);
  }

  private AffineTensor rtn(Site site, QuantSpec spec, float[] w) {
    long[] shape = {site.outputs(), site.inputs()};
    return (AffineTensor)
        RoundToNearest.quantize(w, shape, spec, options.rounding(), task.workers());
  }

  private Start start(Site site, QuantSpec spec, float[] w, Tensor moments, DescentMatrix descent) {
    return switch (options.start()) {
      case FP -> new Start(fitted(spec, w, descent), w, false);
      case RTN -> {
        WeightGrids grids = fitted(spec, w, descent);
        yield new Start(grids, grids.pack(w).toFloats(), true);
      }
      case GPTQ -> gptq(site, spec, w, moments, descent);
      case PREVIOUS -> Start.of(previous(site, spec), spec, options);
    };
  }

  private WeightGrids fitted(QuantSpec spec, float[] w, DescentMatrix descent) {
    int[] order = options.storesGroupIndex(spec) ? descent.order() : null;
    return WeightGrids.fit(w, descent.size(), spec, options.rounding(), order, task.workers());
  }

  private Start gptq(Site site, QuantSpec spec, float[] w, Tensor moments, DescentMatrix descent) {
    GptqOptions gptq = options.gptq();
    Optional<AffineTensor> solved =
        Curvature.of(moments, gptq.dampPercent(), gptq.actOrder(), task.workers())
            .map(curvature -> Gptq.solve(w, curvature, spec, gptq, task.workers()))
            .filter(solution -> Double.isFinite(solution.loss()))
            .map(solution -> solution.pack(site.outputs(), site.inputs(), spec));
    if (solved.isEmpty()) {
      task.events()
          .record(STEP + ".fallback", site.name(), "GPTQ found nothing to start from; from rtn");
      WeightGrids grids = fitted(spec, w, descent);
      return new Start(grids, grids.pack(w).toFloats(), true);
    }
    return Start.of(solved.get(), spec, options);
  }

  private AffineTensor previous(Site site, QuantSpec spec) {
    Optional<PackedTensor> packed = task.block().state(site.name()).packed();
    if (packed.isPresent()
        && packed.get() instanceof AffineTensor tensor
        && tensor.typeName().equals(nameOf(tensor, spec))) {
      return tensor;
    }
    throw new NibbleException(
        "site "
            + site.name()
            + ": quantease with init: previous starts from a result of "
            + spec.text()
            + ", but found "
            + packed.map(PackedTensor::typeName).orElse("a weight that no step has stored")
            + "; put a solver with the same spec before it, or use init: gptq");
  }

  /** The name that tensors of a spec and this shape have. */
  private static String nameOf(AffineTensor tensor, QuantSpec spec) {
    return new StoredForm.OfSpec(spec, false).sized(tensor.shape()).typeName();
  }
}
