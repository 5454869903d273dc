package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.codebook.CodebookForm;
import dev.nibble.compress.codebook.CodebookMatrix;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Jointly learnable codebooks and mappings (JLCM, Yvinec et al. 2024): rows of similar distribution
 * share a codebook or a scale, and codebooks and the index of every weight are learned together
 * against the block's output. A row's class is stored beside the rows, in their order: the
 * equivalent of sorting them, which needs no permutation folded into other layers.
 *
 * <p>C ↔ codewords, s ↔ scales, I ↔ codes of {@link CodebookMatrix}; ρ ↔ {@link Mapping}.
 *
 * <p>Deviations: the paper's φ is not printed; ours is {@code Δ² / (d + Δ)}. The learned state is
 * stored as it is, with no refit afterwards. The temperature of the relaxation is constant.
 *
 * <p>Memory: nine floats a weight of the block for the mapping, and the original block.
 */
final class JlcmStep implements Step {
  private final SolveTargets targets;
  private final JlcmOptions options;

  JlcmStep(SolveTargets targets, JlcmOptions options) {
    this.targets = targets;
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.INPUTS;
  }

  @Override
  public List<String> objections(ModelConfig config) {
    return targets.objections(config);
  }

  private static boolean learned(Site site) {
    return site.kind() == Site.Kind.LINEAR && !site.name().equals(TensorNames.HEAD);
  }

  @Override
  public Optional<StoredForm> stores(Site site, Allocation allocation) {
    return targets
        .specOf(site, allocation.of(site.name()))
        .map(
            spec ->
                learned(site)
                    ? new CodebookForm(options.layout(site))
                    : new StoredForm.OfSpec(spec, false));
  }

  /** The mapping, gradients of each thread, the original block, and activations with graph. */
  @Override
  public long workingBytes(BlockShape shape) {
    long weights = 0;
    long width = 0;
    for (Stage stage : shape.stages()) {
      for (Site site : stage.sites()) {
        weights += (long) site.outputs() * site.inputs();
        width += site.outputs() + site.inputs();
      }
    }
    long mapping = 3L * (2 * options.neighbours() + 1);
    return 4 * weights * (mapping + 5 + 2L * shape.threads())
        + 8 * width * shape.batchTokens() * shape.threads();
  }

  @Override
  public void apply(BlockTask task) {
    Map<String, CodebookMatrix> matrices = new LinkedHashMap<>();
    Map<Site, float[]> weights = new LinkedHashMap<>();
    for (Site site : task.block().sites()) {
      if (!targets.targets(site, task.notes().assignment(site.name()))) {
        continue;
      }
      if (!learned(site)) {
        new RtnStep(targets, RoundingOptions.DEFAULT).apply(task, List.of(site));
        continue;
      }
      float[] w = SiteWeights.read(task, site);
      weights.put(site, w);
      matrices.put(
          TensorNames.weight(site.name()),
          JlcmInit.start(
              w,
              site.inputs(),
              options.layout(site),
              options.init(),
              task.seed(site.name()),
              task.workers()));
    }
    if (matrices.isEmpty()) {
      return;
    }
    new JlcmTraining(task, options, matrices).run();
    weights.forEach(
        (site, w) -> store(task, site, w, matrices.get(TensorNames.weight(site.name()))));
  }

  private void store(BlockTask task, Site site, float[] w, CodebookMatrix matrix) {
    PackedTensor packed = matrix.pack();
    PackedTensor rtn =
        RoundToNearest.quantize(
            w,
            new long[] {site.outputs(), site.inputs()},
            QuantSpec.parse("int" + options.bits() + ":channel"),
            RoundingOptions.DEFAULT,
            task.workers());
    SiteWeights.store(task, site, w, packed);
    task.events()
        .solved(
            site.name(),
            packed.typeName(),
            Objective.relative(w, packed.toFloats()),
            Objective.relative(w, rtn.toFloats()));
  }
}
