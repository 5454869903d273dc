package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.allocate.Assignment;
import dev.nibble.compress.solve.ColumnForms;
import dev.nibble.compress.solve.Parts;
import dev.nibble.compress.solve.RtnStep;
import dev.nibble.compress.solve.SiteWeights;
import dev.nibble.compress.solve.SolveTargets;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.RoundingOptions;
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

/**
 * SliM-LLM+ (Huang et al. 2024; sheet 10 C): learns, block by block, where to clip each group of
 * weights whose widths {@code slim} has decided, and stores the weights on the learned grids.
 */
final class SlimPlus implements Step {
  private static final String NAME = "slim_plus";

  private final SolveTargets targets;
  private final RoundingOptions rounding;
  private final TuneOptions tuning;
  private final double clipRate;

  SlimPlus(SolveTargets targets, RoundingOptions rounding, TuneOptions tuning, double clipRate) {
    this.targets = targets;
    this.rounding = rounding;
    this.tuning = tuning;
    this.clipRate = clipRate;
  }

  @Override
  public Needs needs() {
    return Needs.BOTH_INPUTS;
  }

  @Override
  public List<String> objections(ModelConfig config) {
    return targets.objections(config);
  }

  @Override
  public Optional<StoredForm> stores(Site site, Allocation allocation) {
    return parts(site, allocation.of(site.name())).map(parts -> parts.form(ColumnForms::of));
  }

  /** The whole weight or classes of its columns; rows have no specs of their own here. */
  private Optional<Parts> parts(Site site, Optional<Assignment> decided) {
    if (decided.isPresent() && decided.get() instanceof Assignment.Columns) {
      return targets.parts(site, decided);
    }
    return targets
        .specOf(site, decided)
        .map(spec -> Parts.of(new Assignment.Uniform(spec), site.outputs(), site.inputs()));
  }

  @Override
  public long workingBytes(BlockShape shape) {
    return TuneMemory.bytes(shape, tuning);
  }

  @Override
  public void apply(BlockTask task) {
    if (!task.block().name().startsWith("model.layers.")) {
      new RtnStep(targets, rounding).apply(task);
      return;
    }
    Map<Site, Parts> wanted = new LinkedHashMap<>();
    for (Site site : task.block().sites()) {
      if (site.kind() == Site.Kind.LINEAR) {
        parts(site, task.notes().assignment(site.name()))
            .ifPresent(parts -> wanted.put(site, parts));
      }
    }
    if (!wanted.isEmpty()) {
      tune(task, wanted);
    }
  }

  private void tune(BlockTask task, Map<Site, Parts> wanted) {
    wanted.keySet().forEach(site -> SiteWeights.read(task, site)); // refuses what is not finite
    Map<String, PartClips> clips = new LinkedHashMap<>();
    wanted.forEach(
        (site, parts) ->
            clips.put(site.name(), new PartClips(site.outputs(), site.inputs(), parts, rounding)));
    try (ClippedBlock clipped = new ClippedBlock(task.block(), clips, clipRate)) {
      new BlockTuner(task, NAME, tuning).tune(clipped);
      store(task, wanted, clips);
    }
  }

  private void store(BlockTask task, Map<Site, Parts> wanted, Map<String, PartClips> clips) {
    List<Site> sites = List.copyOf(wanted.keySet());
    PackedTensor[] packed = new PackedTensor[sites.size()];
    task.workers()
        .forEach(
            packed.length,
            i -> {
              String name = sites.get(i).name();
              packed[i] =
                  clips.get(name).pack(task.block().parameter(TensorNames.weight(name)).detach());
            });
    List<SiteErrors.Candidate> candidates = new ArrayList<>();
    for (int i = 0; i < packed.length; i++) {
      Site site = sites.get(i);
      float[] w = SiteWeights.read(task, site);
      float[] rtn =
          ColumnForms.round(
                  wanted.get(site), w, site.outputs(), site.inputs(), rounding, task.workers())
              .toFloats();
      candidates.add(new SiteErrors.Candidate(site, w, packed[i].toFloats(), rtn));
    }
    Map<String, double[]> errors = SiteErrors.of(task, candidates);
    for (int i = 0; i < packed.length; i++) {
      Site site = sites.get(i);
      SiteWeights.store(task, site, candidates.get(i).weight(), packed[i]);
      double[] found = errors.get(site.name());
      task.events().solved(site.name(), wanted.get(site).text(), found[0], found[1]);
    }
  }

  /** The block with its weights on the grids as they are learned. */
  private record ClippedBlock(Block block, Map<String, PartClips> clips, double clipRate)
      implements Reparameterization {
    @Override
    public List<Trainable> trainables() {
      List<Trainable> out = new ArrayList<>();
      clips.forEach((site, clip) -> out.addAll(clip.trainables(site, clipRate)));
      return out;
    }

    @Override
    public List<String> names() {
      return clips.keySet().stream().map(TensorNames::weight).toList();
    }

    @Override
    public Tensor value(String name) {
      String site = name.substring(0, name.length() - ".weight".length());
      return Torch.scope(() -> clips.get(site).quantize(block.parameter(name).detach()));
    }

    @Override
    public void close() {
      clips.values().forEach(PartClips::close);
    }
  }
}
