package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.compress.calibrate.HessianPass;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.models.Site;
import dev.nibble.models.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A solver that works from the Hessians of its sites' inputs, stage by stage in execution order.
 * With {@code trueSequential}, the inputs of a stage come from a block whose earlier stages are
 * already quantized, and one Hessian is held at a time (of experts, those of a layer); without, all
 * stages' Hessians come from one pass over the unquantized block and are held together.
 *
 * <p>A Hessian is of the input as the site's online transforms leave it and before the site's input
 * quantizer: rounding noise of activations is not part of what the weights are fitted to.
 *
 * <p>The embedding, a table without inputs, is rounded to nearest when a spec is asked for it.
 */
public abstract class HessianStep implements Step {
  private final SolveTargets targets;
  private final RoundingOptions rounding;
  private final boolean trueSequential;

  /**
   * @param targets which sites, stored how
   * @param rounding what the embedding is rounded with
   * @param trueSequential one stage after the other
   */
  protected HessianStep(SolveTargets targets, RoundingOptions rounding, boolean trueSequential) {
    this.targets = targets;
    this.rounding = rounding;
    this.trueSequential = trueSequential;
  }

  /** Solves and stores the targeted sites of a stage, whose Hessian the caller frees. */
  protected abstract void solve(BlockTask task, Stage stage, Hessian hessian);

  /** Which sites, stored how. */
  protected final SolveTargets targets() {
    return targets;
  }

  @Override
  public Needs needs() {
    return Needs.INPUTS;
  }

  @Override
  public List<String> objections(ModelConfig config) {
    return targets.objections(config);
  }

  /** Working memory of GPTQ on the targeted stages; a solver that takes more says so. */
  @Override
  public long workingBytes(BlockShape shape) {
    List<Stage> wanted =
        shape.stages().stream()
            .filter(
                stage ->
                    stage.sites().stream()
                        .anyMatch(s -> targets.targets(s, shape.allocation().of(s.name()))))
            .toList();
    return GptqMemory.bytes(wanted, shape, trueSequential);
  }

  @Override
  public void apply(BlockTask task) {
    new RtnStep(targets, rounding)
        .apply(
            task,
            task.block().sites().stream()
                .filter(site -> site.kind() == Site.Kind.EMBEDDING && targeted(task, site))
                .toList());
    List<Stage> stages =
        task.block().stages().stream()
            .filter(stage -> stage.sites().stream().anyMatch(site -> targeted(task, site)))
            .toList();
    if (trueSequential) {
      sideBySide(stages).forEach(together -> solveAll(task, together));
    } else if (!stages.isEmpty()) {
      solveAll(task, stages);
    }
  }

  /** Stages in execution order, those that none of the others waits for together. */
  private static List<List<Stage>> sideBySide(List<Stage> stages) {
    List<List<Stage>> out = new ArrayList<>();
    for (Stage stage : stages) {
      if (out.isEmpty() || !out.getLast().getFirst().name().equals(stage.name())) {
        out.add(new ArrayList<>());
      }
      out.getLast().add(stage);
    }
    return out;
  }

  private boolean targeted(BlockTask task, Site site) {
    return targets.targets(site, task.notes().assignment(site.name()));
  }

  private void solveAll(BlockTask task, List<Stage> stages) {
    Map<Stage, Hessian> hessians = HessianPass.collect(task, stages);
    try {
      hessians.forEach((stage, hessian) -> solve(task, stage, hessian));
    } finally {
      hessians.values().forEach(Hessian::close);
    }
  }
}
