package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.compress.calibrate.HessianPass;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Applies {@link Gptq} to the linear sites of a block, stage by stage in execution order. With
 * {@code true_sequential}, the inputs of a stage come from a block whose earlier stages are already
 * quantized, and one Hessian is held at a time; without, all stages' Hessians come from one pass
 * over the unquantized block and are held together.
 *
 * <p>A Hessian is of the input as the site's online transforms leave it and before the site's input
 * quantizer: rounding noise of activations is not part of what the weights are fitted to.
 *
 * <p>The embedding, a table without inputs, is rounded to nearest when a spec is asked for it.
 */
final class GptqStep implements Step {
  private final SolveTargets targets;
  private final GptqOptions options;

  GptqStep(SolveTargets targets, GptqOptions options) {
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

  @Override
  public Optional<StoredForm> stores(Site site) {
    return targets
        .specOf(site)
        .map(
            spec ->
                new StoredForm(
                    spec, site.kind() == Site.Kind.LINEAR && options.storesGroupIndex(spec)));
  }

  @Override
  public long workingBytes(BlockShape shape) {
    return GptqMemory.bytes(
        shape.stages().stream().filter(this::wanted).toList(), shape, options.trueSequential());
  }

  private boolean wanted(Stage stage) {
    return stage.sites().stream().anyMatch(site -> targets.specOf(site).isPresent());
  }

  private boolean isTable(Site site) {
    return site.kind() == Site.Kind.EMBEDDING && targets.specOf(site).isPresent();
  }

  @Override
  public void apply(BlockTask task) {
    new RtnStep(targets, options.rounding())
        .apply(task, task.block().sites().stream().filter(this::isTable).toList());
    List<Stage> stages = task.block().stages().stream().filter(this::wanted).toList();
    if (options.trueSequential()) {
      stages.forEach(stage -> solve(task, List.of(stage)));
    } else if (!stages.isEmpty()) {
      solve(task, stages);
    }
  }

  private void solve(BlockTask task, List<Stage> stages) {
    Map<Stage, Hessian> hessians = HessianPass.collect(task, stages);
    try {
      hessians.forEach(
          (stage, hessian) -> new GptqStage(task, stage, targets, options).solve(hessian));
    } finally {
      hessians.values().forEach(Hessian::close);
    }
  }
}
