package dev.nibble.pipeline.run;

import dev.nibble.compress.Events;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.block.BlockRunner;
import dev.nibble.compress.block.CollectedEvents;
import dev.nibble.compress.block.StepEvent;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.core.work.KernelTimes;
import dev.nibble.core.work.Workers;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.Model;
import dev.nibble.pipeline.check.RecipeCheck;
import dev.nibble.pipeline.journal.Processor;
import dev.nibble.pipeline.journal.SourceFile;
import dev.nibble.pipeline.plan.Plan;
import dev.nibble.pipeline.plan.Planner;
import dev.nibble.pipeline.plan.RecipeStorage;
import dev.nibble.pipeline.scores.ScoreFiles;
import dev.nibble.runtime.diagnose.KernelTimer;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A run that is ready to begin: the model is open, the recipe has been found to fit it, rewrites
 * are installed and calibration tokens drawn. Holds no weights.
 */
public final class Preparation implements AutoCloseable {
  private final RunOptions options;
  private final OpenedModel source;
  private final Model model;
  private final CalibrationSet calibration;
  private final List<StepEvent> events;
  private final Allocation allocation = new Allocation();
  private final ScoreFiles scores;
  private final KernelTimes times;
  private final Plan plan;
  private List<SourceFile> sourceFiles;

  /**
   * Opens and checks everything.
   *
   * @throws dev.nibble.core.NibbleException when the model cannot be read, the recipe does not fit
   *     it, or the memory limit cannot be kept
   */
  public Preparation(RunOptions options) {
    this.options = options;
    this.times = new KernelTimer(options.threads(), Processor.describe());
    this.source = OpenedModel.open(options.model());
    try {
      RecipeCheck.architecture(recipe(), source.weights().config());
      this.calibration = calibrate();
      this.scores = new ScoreFiles(options.cache(), this::scoresBelongTo, options.progress());
      CollectedEvents collected = new CollectedEvents();
      this.model = prepare(recipe(), collected);
      this.events = collected.events();
      RecipeCheck.storage(recipe(), model, allocation);
      this.plan =
          new Planner(source.weights(), model, recipe(), calibration.batches(), allocation)
              .plan(
                  options.model().toString(),
                  options.threads(),
                  options.memoryLimit(),
                  calibration.notes());
    } catch (RuntimeException | Error e) {
      source.close();
      throw e;
    }
  }

  private CalibrationSet calibrate() {
    boolean wanted =
        recipe().steps().stream()
            .map(step -> step.step().needs())
            .anyMatch(needs -> needs.calibration() || needs.tokens());
    if (!wanted) {
      return CalibrationSet.NONE;
    }
    return CalibrationSet.draw(
        recipe().calibration(),
        options.data().text(recipe().calibration().data()),
        source.tokenizer(),
        source.weights().config());
  }

  /** The model with the rewrites of a recipe's steps installed. */
  private Model prepare(Recipe recipe, CollectedEvents collected) {
    DecoderModel opened = DecoderModel.open(source.weights());
    try (Workers workers = new Workers(options.threads())) {
      prepare(recipe, opened, collected, allocation, workers);
    }
    return opened;
  }

  /** Lets the steps of a recipe prepare a model, on the tokens of this run. */
  void prepare(Recipe recipe, Model opened, Events collected, Allocation decided, Workers workers) {
    List<RecipeStep> steps = recipe.steps();
    RecipeStorage storage = new RecipeStorage(source.weights(), opened, steps);
    for (int s = 0; s < steps.size(); s++) {
      long seed = BlockRunner.stepSeed(recipe.seed(), steps, s);
      steps
          .get(s)
          .step()
          .prepare(
              new ModelTask(
                  opened,
                  seed,
                  collected,
                  calibration.batches(),
                  decided,
                  storage,
                  scores.within(before(recipe, s)),
                  times,
                  workers,
                  options.progress()));
    }
  }

  /** The steps that may have changed the model before step {@code s} sees it. */
  private static String before(Recipe recipe, int s) {
    return recipe.steps().subList(0, s).stream()
        .map(step -> step.name() + " " + step.options())
        .collect(Collectors.joining("; ", "seed " + recipe.seed() + "; ", ""));
  }

  private String scoresBelongTo() {
    return Identities.version() + Processor.describe() + sourceFiles() + calibration.sha256();
  }

  /** Files of the source with their hashes; they are read once, when somebody asks. */
  synchronized List<SourceFile> sourceFiles() {
    if (sourceFiles == null) {
      try (Workers workers = new Workers(options.threads())) {
        sourceFiles = Identities.sourceFiles(source, workers);
      }
    }
    return sourceFiles;
  }

  /** What the steps decided while they prepared the model. */
  public Allocation allocation() {
    return allocation;
  }

  /** What was asked for. */
  public RunOptions options() {
    return options;
  }

  /** The recipe. */
  public Recipe recipe() {
    return options.recipe();
  }

  /** The source. */
  public OpenedModel source() {
    return source;
  }

  /** The source with the steps' rewrites installed. */
  public Model model() {
    return model;
  }

  /** Calibration tokens. */
  public CalibrationSet calibration() {
    return calibration;
  }

  /** What steps reported while they prepared the model. */
  public List<StepEvent> events() {
    return events;
  }

  /** Sizes and memory. */
  public Plan plan() {
    return plan;
  }

  /** The plan with the time that a short probe on this machine forecasts. */
  public Plan timedPlan() {
    try (Workers workers = new Workers(plan.forecast().threads())) {
      return plan.with(plan.forecast().withSeconds(Probe.seconds(this, workers)));
    }
  }

  @Override
  public void close() {
    source.close();
  }
}
