package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.allocate.Assignment;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.BinaryTensor;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Applies {@link Billm} to the linear sites of a block. A site keeps the result without error
 * compensation where that has the smaller error on the calibration inputs ({@code billm.kept-rtn}),
 * or where there is nothing to compensate with ({@code billm.fallback}); that is also what the
 * reported error is compared with.
 */
final class BillmStep extends HessianStep {
  private static final String NAME = "billm";

  private final BillmOptions options;

  BillmStep(SolveTargets targets, BillmOptions options) {
    super(targets, RoundingOptions.DEFAULT, options.trueSequential());
    this.options = options;
  }

  @Override
  public Optional<StoredForm> stores(Site site, Allocation allocation) {
    Optional<Assignment> decided = allocation.of(site.name());
    if (site.kind() == Site.Kind.EMBEDDING) {
      return targets().specOf(site, decided).map(spec -> new StoredForm.OfSpec(spec, false));
    }
    return binarized(site, decided)
        ? Optional.of(
            new BinaryForm(options.blockSize(), true, options.centred(), options.scaleFormat()))
        : Optional.empty();
  }

  private boolean binarized(Site site, Optional<Assignment> decided) {
    Optional<QuantSpec> spec = targets().specOf(site, decided);
    spec.ifPresent(s -> BillmFactory.requireBinary(s, site.name()));
    return spec.isPresent();
  }

  @Override
  public long workingBytes(BlockShape shape) {
    long largest =
        shape.stages().stream()
            .flatMap(stage -> stage.sites().stream())
            .mapToLong(site -> Billm.workingBytes(site.outputs(), site.inputs()))
            .max()
            .orElse(0);
    return super.workingBytes(shape) + largest;
  }

  @Override
  protected void solve(BlockTask task, Stage stage, Hessian hessian) {
    Optional<Curvature> curvature =
        Torch.scope(
            () -> Curvature.of(hessian.matrix(), options.dampPercent(), false, task.workers()));
    String first = stage.sites().getFirst().name();
    curvature.ifPresent(
        c -> c.rescues().forEach(what -> task.events().record("billm.damping", first, what)));
    try (Tensor inputs = Torch.scope(() -> hessian.matrix().to(ScalarType.Float))) {
      for (Site site : stage.sites()) {
        if (binarized(site, task.notes().assignment(site.name()))) {
          solve(task, site, curvature, inputs);
        }
      }
    }
  }

  private void solve(BlockTask task, Site site, Optional<Curvature> curvature, Tensor inputs) {
    float[] w = SiteWeights.read(task, site);
    Curvature flat = curvature.orElseGet(() -> Curvature.flat(site.inputs(), task.workers()));
    Billm.Solution plain = Billm.solve(w, flat, options.uncompensated(), task.workers());
    Billm.Solution best = plain;
    Optional<BinaryTensor> solved = Optional.empty();
    if (curvature.isPresent() && options.compensate()) {
      Billm.Solution compensated = Billm.solve(w, flat, options, task.workers());
      solved = Optional.ofNullable(compensated.packed());
      best = solved.isPresent() ? compensated : plain;
    }
    if (solved.isEmpty() && options.compensate()) {
      task.events()
          .record(
              "billm.fallback",
              site.name(),
              "its calibration inputs are all zero or not finite, or their Hessian cannot be"
                  + " factored; binarized without compensation");
    }
    String spec =
        String.format(
            Locale.ROOT,
            "%s, %.2f parameter bits",
            plain.packed().typeName(),
            best.parameterBits());
    SiteOutcome.keepBetter(task, site, NAME, spec, w, plain.packed(), solved, inputs);
  }
}
