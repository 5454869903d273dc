package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.solve.SiteWeights;
import dev.nibble.compress.solve.SolveTargets;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.Clip;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/** The sites of a block that a tuner stores, from their first ranges to their packed weights. */
final class ClippedSites {
  private final BlockTask task;
  private final RoundingOptions rounding;
  private final double scaleGradient;
  private final Map<Site, QuantSpec> specs = new LinkedHashMap<>();

  /**
   * @throws NibbleException when one is stored already
   */
  ClippedSites(
      BlockTask task,
      String step,
      SolveTargets targets,
      RoundingOptions rounding,
      double scaleGradient) {
    this.task = task;
    this.rounding = rounding;
    this.scaleGradient = scaleGradient;
    for (Site site : task.block().sites()) {
      Optional<QuantSpec> spec = targets.specOf(site, task.notes().assignment(site.name()));
      if (spec.isPresent() && site.kind() == Site.Kind.LINEAR) {
        if (task.block().state(site.name()).packed().isPresent()) {
          throw new NibbleException(
              step
                  + ": "
                  + site.name()
                  + " is quantized already; put "
                  + step
                  + " before solving steps, which may keep its grids (gptq: { keep_grid: true })");
        }
        specs.put(site, spec.get());
      }
    }
  }

  boolean isEmpty() {
    return specs.isEmpty();
  }

  List<Site> sites() {
    return List.copyOf(specs.keySet());
  }

  /**
   * Ranges to begin with.
   *
   * @param weights fp32 {@code [outputs, inputs]} by parameter name, where they are not the block's
   */
  Map<String, LearnedClip> clips(Map<String, Tensor> weights) {
    List<Site> sites = sites();
    LearnedClip[] made = new LearnedClip[sites.size()];
    task.workers().forEach(made.length, i -> made[i] = clip(sites.get(i), weights));
    Map<String, LearnedClip> out = new LinkedHashMap<>();
    for (int i = 0; i < made.length; i++) {
      out.put(sites.get(i).name(), made[i]);
    }
    return out;
  }

  private LearnedClip clip(Site site, Map<String, Tensor> weights) {
    QuantSpec spec = specs.get(site);
    LearnedClip.Layout layout =
        LearnedClip.Layout.of(spec, rounding.flavourFor(spec), site.inputs());
    float[] share = null;
    float[] w = SiteWeights.read(task, site); // refuses what is not finite
    if (rounding.clip() != Clip.NONE) {
      Tensor changed = weights.get(TensorNames.weight(site.name()));
      w = changed == null ? w : Torch.toFloats(changed);
      share = LearnedClip.searched(w, site.inputs(), layout, rounding);
    }
    return new LearnedClip(site.outputs(), site.inputs(), layout, share, scaleGradient);
  }

  /** Rounds the block's weights to the learned grids and stores them. */
  void store(Map<String, LearnedClip> clips) {
    Block block = task.block();
    List<Site> sites = sites();
    float[][] weights = new float[sites.size()][];
    PackedTensor[] packed = new PackedTensor[sites.size()];
    task.workers()
        .forEach(
            packed.length,
            i -> {
              Site site = sites.get(i);
              weights[i] = SiteWeights.read(task, site);
              packed[i] =
                  clips
                      .get(site.name())
                      .pack(block.parameter(TensorNames.weight(site.name())), specs.get(site));
            });
    List<SiteErrors.Candidate> candidates = new ArrayList<>();
    for (int i = 0; i < packed.length; i++) {
      long[] shape = packed[i].shape();
      candidates.add(
          new SiteErrors.Candidate(
              sites.get(i),
              weights[i],
              packed[i].toFloats(),
              RoundToNearest.quantize(
                      weights[i], shape, specs.get(sites.get(i)), rounding, task.workers())
                  .toFloats()));
    }
    Map<String, double[]> errors = SiteErrors.of(task, candidates);
    for (int i = 0; i < packed.length; i++) {
      Site site = sites.get(i);
      SiteWeights.store(task, site, weights[i], packed[i]);
      double[] found = errors.get(site.name());
      task.events().solved(site.name(), specs.get(site).text(), found[0], found[1]);
    }
  }
}
