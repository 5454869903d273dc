package dev.nibble;

import dev.nibble.compress.recipe.Budgets;
import dev.nibble.compress.recipe.Presets;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.progress.Progress;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.file.ByteCount;
import dev.nibble.pipeline.evaluate.EvaluationOptions;
import dev.nibble.pipeline.plan.Plan;
import dev.nibble.pipeline.run.Preparation;
import dev.nibble.pipeline.run.Quantizer;
import dev.nibble.pipeline.run.RunOptions;
import java.nio.file.Path;
import java.util.Optional;

/** A quantization being described; {@link #plan} and {@link #to} end the description. */
public final class QuantizationRequest {
  private final Path model;
  private Recipe recipe;
  private long memoryLimit;
  private int threads = Runtime.getRuntime().availableProcessors();
  private DataCatalog data = new DataCatalog(null, null);
  private Optional<Path> cache = Optional.empty();
  private Progress progress = Progress.SILENT;
  private Optional<EvaluationOptions> evaluation = Optional.empty();
  private boolean restart;
  private boolean probe = true;

  QuantizationRequest(Path model) {
    this.model = model;
  }

  /** A preset's name, or the path of a recipe file. The default is {@code rtn-w4}. */
  public QuantizationRequest recipe(String nameOrPath) {
    return recipe(Presets.load(nameOrPath));
  }

  /** The recipe. */
  public QuantizationRequest recipe(Recipe chosen) {
    this.recipe = chosen;
    return this;
  }

  /**
   * Spends no more than so many bytes on the whole weights file, as {@code 1.9MB}, instead of what
   * the recipe says; to be called after {@link #recipe}.
   */
  public QuantizationRequest size(String bytes) {
    return recipe(Budgets.size(chosen(), bytes));
  }

  /** The same with stored bits for each weight that is allocated. */
  public QuantizationRequest bits(double average) {
    return recipe(Budgets.bits(chosen(), average));
  }

  /**
   * Most memory, as {@code 6g}: threads are given up to keep it, and a run that cannot keep it is
   * refused with what would fit. Results do not depend on it.
   */
  public QuantizationRequest memory(String limit) {
    this.memoryLimit = ByteCount.parse(limit);
    return this;
  }

  /** Tasks at once; all processors by default. Results do not depend on it. */
  public QuantizationRequest threads(int count) {
    this.threads = count;
    return this;
  }

  /** Where data ids of the recipe and of the evaluation lead. */
  public QuantizationRequest data(DataCatalog catalog) {
    this.data = catalog;
    return this;
  }

  /**
   * Folder in which what was expensive to find out about a model is kept for the next run; by
   * default nothing is kept.
   */
  public QuantizationRequest cache(Path folder) {
    this.cache = Optional.of(folder);
    return this;
  }

  /** Told how far the run is; silent by default. */
  public QuantizationRequest progress(Progress listener) {
    this.progress = listener;
    return this;
  }

  /** Measures the result against the original; by default it is not. */
  public QuantizationRequest evaluate(EvaluationOptions options) {
    this.evaluation = Optional.of(options);
    return this;
  }

  /** Whether to forecast the time from a probe before the work starts; true by default. */
  public QuantizationRequest probe(boolean forecast) {
    this.probe = forecast;
    return this;
  }

  /** Discards unfinished work of an earlier run to the same output instead of continuing it. */
  public QuantizationRequest restart(boolean discard) {
    this.restart = discard;
    return this;
  }

  /**
   * Checks the recipe against the model and works out sizes, memory and time, without quantizing.
   *
   * @throws dev.nibble.core.NibbleException when the recipe does not fit the model or the memory
   */
  public Plan plan() {
    try (Preparation prepared = new Preparation(options())) {
      return prepared.timedPlan();
    }
  }

  /**
   * Quantizes into a new folder, which appears whole or not at all. Interrupted, the same call
   * continues where it stopped and ends with the same bytes.
   *
   * @throws dev.nibble.core.NibbleException when it cannot be done; finished blocks are kept
   */
  public QuantizationResult to(Path output) {
    new Quantizer(options(), evaluation, output).run(restart);
    return QuantizationResult.read(output);
  }

  private Recipe chosen() {
    return recipe != null ? recipe : Presets.load("rtn-w4");
  }

  private RunOptions options() {
    return new RunOptions(model, chosen(), memoryLimit, threads, data, cache, progress, probe);
  }
}
