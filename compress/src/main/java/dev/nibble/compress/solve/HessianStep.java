package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.allocate.Assignment;
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
 * <p>The embedding is a table without inputs. Where it is also the head, a solver that can solves
 * it for the head's inputs in the original network; else it is rounded to nearest.
 */
public abstract class HessianStep implements Step {
  private final SolveTargets targets;
  private final RoundingOptions rounding;
  private final boolean trueSequential;
  private ModelTask model;

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

  /** True when {@link #solve} takes an embedding that is stored so. */
  protected boolean solvesTable(Assignment assignment) {
    return false;
  }

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
  public void prepare(ModelTask task) {
    this.model = task;
  }

  @Override
  public void apply(BlockTask task) {
    for (Site site : task.block().sites()) {
      if (site.kind() == Site.Kind.EMBEDDING) {
        targets
            .assignment(site, task.notes().assignment(site.name()))
            .ifPresent(assignment -> solveTable(task, site, assignment));
      }
    }
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

  private void solveTable(BlockTask task, Site site, Assignment assignment) {
    if (!model.model().config().tiedHead() || !solvesTable(assignment)) {
      new RtnStep(targets, rounding).apply(task, List.of(site));
      return;
    }
    try (Hessian hessian = HeadInputs.collect(model, site.inputs(), task.workers())) {
      solve(task, new Stage("embedding", List.of(site)), hessian);
    }
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
