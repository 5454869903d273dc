package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.compress.codebook.CodebookForm;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.tensor.CodebookLayout;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Applies {@link Aqlm} to the linear sites of a block, then {@link AqlmFinetune} to the block. A
 * site keeps the clustering alone where that has the smaller error on the calibration inputs.
 * Events: {@code aqlm.codebook-share}, {@code aqlm.dead-inputs}, {@code aqlm.kept-rtn}, {@code
 * aqlm.finetune}.
 */
final class AqlmStep extends HessianStep {
  /** Share of the codebooks in a tensor from which on they are more data than a summary of it. */
  private static final double LARGE_SHARE = 0.25;

  private final AqlmOptions options;

  AqlmStep(SolveTargets targets, AqlmOptions options) {
    super(targets, RoundingOptions.DEFAULT, options.trueSequential());
    this.options = options;
  }

  private static boolean additive(Site site) {
    return site.kind() == Site.Kind.LINEAR && !site.name().equals(TensorNames.HEAD);
  }

  @Override
  public Optional<StoredForm> stores(Site site, Allocation allocation) {
    return targets()
        .specOf(site, allocation.of(site.name()))
        .map(
            spec ->
                additive(site)
                    ? new CodebookForm(options.layout())
                    : new StoredForm.OfSpec(spec, false));
  }

  @Override
  public void apply(BlockTask task) {
    super.apply(task);
    if (options.finetune().epochs() > 0) {
      new AqlmFinetune(task, options.finetune()).run();
    }
  }

  /** Beside the Hessians: the weight, its difference and product, and the original block. */
  @Override
  public long workingBytes(BlockShape shape) {
    long largest = 0;
    long all = 0;
    long width = 0;
    for (Stage stage : shape.stages()) {
      for (Site site : stage.sites()) {
        long elements = (long) site.outputs() * site.inputs();
        largest = Math.max(largest, elements);
        all += elements;
        width += site.outputs() + site.inputs();
      }
    }
    long solving = super.workingBytes(shape) + 16 * largest + 8 * options.layout().elements();
    if (options.finetune().epochs() == 0) {
      return solving;
    }
    long activations = 8 * width * shape.batchTokens() * shape.threads();
    return Math.max(solving, 4 * all * (3 + shape.threads()) + activations);
  }

  @Override
  protected void solve(BlockTask task, Stage stage, Hessian hessian) {
    try (Tensor inputs = Torch.scope(() -> hessian.matrix().to(ScalarType.Float))) {
      long dead =
          Torch.scope(
              () -> inputs.diagonal().numel() - inputs.diagonal().count_nonzero().item_long());
      if (dead > 0) {
        task.events()
            .record(
                "aqlm.dead-inputs",
                stage.sites().getFirst().name(),
                dead + " of " + hessian.inputs() + " inputs are always zero");
      }
      for (Site site : stage.sites()) {
        if (targets().targets(site, task.notes().assignment(site.name()))) {
          if (additive(site)) {
            solve(task, site, inputs);
          } else {
            new RtnStep(targets(), RoundingOptions.DEFAULT).apply(task, List.of(site));
          }
        }
      }
    }
  }

  private void solve(BlockTask task, Site site, Tensor inputs) {
    CodebookLayout layout = options.layout();
    double share = layout.codebookShare(site.outputs(), site.inputs());
    if (share > LARGE_SHARE) {
      task.events()
          .record(
              "aqlm.codebook-share",
              site.name(),
              String.format(
                  Locale.ROOT,
                  "codebooks are %.0f %% of the tensor; a smaller nbits_per_codebook suits a matrix"
                      + " of %d x %d better",
                  100 * share,
                  site.outputs(),
                  site.inputs()));
    }
    float[] w = SiteWeights.read(task, site);
    Aqlm.Solution solution = Aqlm.solve(w, inputs, options, task.seed(site.name()), task.workers());
    SiteOutcome.keepBetter(
        task,
        site,
        "aqlm",
        layout.text(),
        w,
        solution.init().pack(),
        Optional.of(solution.solved().pack()).filter(s -> Double.isFinite(solution.loss())),
        inputs);
  }
}
