package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.block.Seeds;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.core.NibbleException;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.transform.Hadamard;
import dev.nibble.core.transform.SeededOrthogonal;
import dev.nibble.models.Site;
import dev.nibble.models.SiteState;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * QuIP (Chee, Cai, Kuleshov, De Sa: "QuIP: 2-Bit Quantization of Large Language Models With
 * Guarantees", NeurIPS 2023; sheet 08a): each linear is turned by random orthogonal maps on both
 * sides, {@link Incoherence}, and rounded with feedback, {@link Ldlq}. The maps stay at run time,
 * as seeds; or the weight is stored turned back, in half precision.
 *
 * <p>Deviations: one damping (of the turned Hessian) instead of two; σ is fp32; the factors of the
 * Kronecker product are the divisors nearest to the root of the width; a dead input gets no weight
 * and the mean of the live diagonal. Events: {@code quip.damping}, {@code quip.incoherence}, {@code
 * quip.fallback}, {@code quip.kept-rtn}.
 */
final class QuipStep extends HessianStep {
  private static final String NAME = "quip";

  private final QuipOptions options;

  QuipStep(SolveTargets targets, QuipOptions options) {
    super(targets, options.gridOptions(), options.trueSequential());
    this.options = options;
  }

  @Override
  public Optional<StoredForm> stores(Site site, Allocation allocation) {
    return targets()
        .specOf(site, allocation.of(site.name()))
        .map(
            spec ->
                site.kind() == Site.Kind.EMBEDDING || options.asSpec()
                    ? new StoredForm.OfSpec(spec, false)
                    : form(spec));
  }

  private StoredForm form(QuantSpec spec) {
    return options.runTime() == QuipOptions.RunTime.DENSE
        ? new QuipForm.Half()
        : new QuipForm.MidRise(spec.bits());
  }

  /** Beside what GPTQ takes, the turned weight in fp64 and the turned Hessian. */
  @Override
  public long workingBytes(BlockShape shape) {
    long most = 0;
    for (Stage stage : shape.stages()) {
      for (Site site : stage.sites()) {
        long n = site.inputs();
        most = Math.max(most, 16 * n * n + 24L * site.outputs() * n);
      }
    }
    return super.workingBytes(shape) + most;
  }

  @Override
  protected void solve(BlockTask task, Stage stage, Hessian hessian) {
    try (Tensor matrix = Torch.owned(hessian::matrix)) {
      for (Site site : stage.sites()) {
        targets()
            .specOf(site, task.notes().assignment(site.name()))
            .ifPresent(spec -> Torch.run(() -> solve(task, site, spec, matrix)));
      }
    }
  }

  private void solve(BlockTask task, Site site, QuantSpec spec, Tensor hessian) {
    SiteState state = task.block().state(site.name());
    boolean turning = options.incoherence() != QuipOptions.Mixing.NONE || options.rescale();
    if (turning && state.packed().isPresent()) {
      throw new NibbleException(
          NAME + ": " + site.name() + " is quantized already; put quip before other solving steps");
    }
    float[] original = SiteWeights.read(task, site);
    Tensor w = Torch.fromFloats(original, site.outputs(), site.inputs()).to(ScalarType.Double);
    Tensor dead = hessian.diagonal().eq(new Scalar(0.0));
    Tensor live = w.masked_fill(dead, new Scalar(0.0));
    Incoherence maps = maps(task, site, live, hessian);
    Tensor turned = maps.hessian(hessian);
    float[] values = Torch.toFloats(maps.weight(live));
    QuipSite matrix = new QuipSite(values, site.inputs(), spec, options, task.workers());
    Optional<PackedTensor> solved =
        matrix.solved(factor(task, site, turned), seed(task, site, "unbiased"));
    report(task, site, original, values, maps);
    boolean dense = options.runTime() == QuipOptions.RunTime.DENSE;
    PackedTensor nearest = matrix.nearest();
    SiteOutcome.keepBetter(
        task,
        site,
        NAME,
        options.asSpec() ? spec.text() : form(spec).text(),
        dense ? original : values,
        dense ? turnedBack(maps, nearest) : nearest,
        dense ? solved.map(s -> turnedBack(maps, s)) : solved,
        (dense ? hessian : turned).to(ScalarType.Float));
    if (!dense) {
      state.transforms().addAll(maps.inputs());
      state.outputTransforms().addAll(maps.outputs());
    }
  }

  /** H with the mean of the live diagonal for dead inputs, factored; empty when that cannot be. */
  private Optional<LdlFactor> factor(BlockTask task, Site site, Tensor turned) {
    Tensor diagonal = turned.diagonal();
    Tensor dead = diagonal.eq(new Scalar(0.0));
    double live = turned.size(0) - dead.sum().item_double();
    double mean = live == 0 ? 0 : diagonal.sum().item_double() / live;
    Tensor filled = turned.add(torch.diag(dead.to(ScalarType.Double).mul(new Scalar(mean))));
    Optional<LdlFactor> factor = LdlFactor.of(filled, options.dampPercent());
    factor.ifPresent(
        f -> f.rescues().forEach(what -> task.events().record("quip.damping", site.name(), what)));
    if (factor.isEmpty()) {
      task.events()
          .record(
              "quip.fallback",
              site.name(),
              "its calibration inputs are all zero or not finite, or their Hessian cannot be"
                  + " factored; rounded to nearest");
    }
    return factor;
  }

  private Incoherence maps(BlockTask task, Site site, Tensor w, Tensor hessian) {
    List<OnlineTransform> inputs = new ArrayList<>();
    List<OnlineTransform> outputs = new ArrayList<>();
    if (options.rescale()) {
      inputs.add(Incoherence.rescaling(w, hessian));
    }
    long v = seed(task, site, "inputs");
    long u = seed(task, site, "outputs");
    switch (options.incoherence()) {
      case KRON, DENSE -> {
        SeededOrthogonal.Form form =
            options.incoherence() == QuipOptions.Mixing.KRON
                ? SeededOrthogonal.Form.KRONECKER
                : SeededOrthogonal.Form.DENSE;
        inputs.add(new OnlineTransform.Seeded(form, site.inputs(), v, false));
        outputs.add(new OnlineTransform.Seeded(form, site.outputs(), u, true));
      }
      case HADAMARD -> {
        inputs.add(signs(site.inputs(), v));
        inputs.add(hadamard(site.inputs()));
        outputs.add(hadamard(site.outputs()));
        outputs.add(signs(site.outputs(), u));
      }
      case NONE -> {}
    }
    return new Incoherence(inputs, outputs);
  }

  private long seed(BlockTask task, Site site, String what) {
    return options.seed() >= 0
        ? Seeds.derive(options.seed(), site.name(), what)
        : Seeds.derive(task.seed(site.name()), what);
  }

  private static OnlineTransform hadamard(int width) {
    return Hadamard.supported(width)
        ? new OnlineTransform.Hadamard(width)
        : new OnlineTransform.BlockHadamard(Hadamard.powerOfTwoBlock(width));
  }

  private static OnlineTransform signs(int width, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] factor = new float[width];
    for (int i = 0; i < width; i++) {
      factor[i] = random.nextBoolean() ? 1f : -1f;
    }
    return new OnlineTransform.Scaling(factor);
  }

  private static DenseTensor turnedBack(Incoherence maps, PackedTensor packed) {
    float[] values =
        Torch.scope(() -> Torch.toFloats(maps.undone(Torch.fromPacked(packed, ScalarType.Double))));
    return DenseTensor.rounded(values, DType.F16, packed.shape());
  }

  private static void report(
      BlockTask task, Site site, float[] before, float[] after, Incoherence maps) {
    if (!maps.outputs().isEmpty()) {
      task.events()
          .record(
              "quip.incoherence",
              site.name(),
              String.format(
                  Locale.ROOT,
                  "largest weight %.1f times the root mean square, before %.1f",
                  QuipSite.incoherence(after),
                  QuipSite.incoherence(before)));
    }
  }
}
