package dev.nibble.compress.allocate;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.compress.Events;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.RecordedEvents;
import dev.nibble.compress.ScoreCache;
import dev.nibble.compress.Step;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.block.Batches;
import dev.nibble.compress.block.Seeds;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.compress.testing.TinyStorage;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.KernelTimes;
import dev.nibble.core.work.Workers;
import dev.nibble.models.DecoderModel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ObjLongConsumer;

/** Lets the steps of a recipe prepare a model, and keeps what they decided. */
final class AllocationRun {
  private final ModelWeights weights;
  private final int[][] tokens;
  private final RecordedEvents events = new RecordedEvents();
  private final Map<String, JsonNode> kept = new HashMap<>();
  private int threads = 2;
  private long seed = 5;
  private KernelTimes times = KernelTimes.NONE;

  AllocationRun(ModelWeights weights, int[][] tokens) {
    this.weights = weights;
    this.tokens = tokens;
  }

  AllocationRun threads(int count) {
    this.threads = count;
    return this;
  }

  AllocationRun seed(long value) {
    this.seed = value;
    return this;
  }

  /** Lets steps believe that weights take so long. */
  AllocationRun times(KernelTimes of) {
    this.times = of;
    return this;
  }

  /** Starts from the scores that another run has kept. */
  AllocationRun after(AllocationRun other) {
    kept.putAll(other.kept);
    return this;
  }

  RecordedEvents events() {
    return events;
  }

  /** Scores kept so far, by key. */
  Map<String, JsonNode> kept() {
    return kept;
  }

  static List<Step> steps(String yaml) {
    return Recipe.parse("steps: [ " + yaml + " ]", "test").steps().stream()
        .map(RecipeStep::step)
        .toList();
  }

  /** What steps, written as in a recipe, decide. */
  Allocation of(String yaml) {
    return of(steps(yaml), events);
  }

  /** The network in memory, on the tokens of this run. */
  Replay replay() {
    DecoderModel model = DecoderModel.open(weights);
    try (Workers workers = new Workers(1)) { // one needs no pool, so it may be closed
      return new Replay(task(model, List.of(), events, new Allocation(), workers), tokens);
    }
  }

  /** How much the loss changes when the input of each decoder block is disturbed by noise. */
  double[] finiteDifferences(double eta) {
    DecoderModel model = DecoderModel.open(weights);
    try (Workers workers = new Workers(threads);
        Replay replay =
            new Replay(task(model, List.of(), events, new Allocation(), workers), tokens)) {
      double[] out = new double[model.config().layers()];
      for (int layer = 0; layer < out.length; layer++) {
        long noise = Seeds.derive(seed, TensorNames.layer(layer), "0");
        out[layer] =
            Math.abs(
                replay.loss(1 + layer, x -> x.add(TaylorScores.noise(x, eta, noise)))
                    - replay.loss());
      }
      return out;
    }
  }

  private ModelTask task(
      DecoderModel model, List<Step> steps, Events to, Allocation allocation, Workers workers) {
    return new ModelTask(
        model,
        seed,
        to,
        Batches.of(tokens),
        allocation,
        new TinyStorage(model, steps),
        cache(),
        times,
        workers,
        Progress.SILENT);
  }

  private Allocation of(List<Step> steps, Events to) {
    DecoderModel model = DecoderModel.open(weights);
    Allocation allocation = new Allocation();
    try (Workers workers = new Workers(threads)) {
      for (Step step : steps) {
        step.prepare(task(model, steps, to, allocation, workers));
      }
    }
    return allocation;
  }

  /** Size of the file under what the steps decide. */
  long fileBytes(String yaml, Allocation allocation) {
    return new TinyStorage(DecoderModel.open(weights), steps(yaml)).fileBytes(allocation);
  }

  /** Bytes that each stored weight is planned to have. */
  void forEachForm(String yaml, Allocation allocation, ObjLongConsumer<String> each) {
    DecoderModel model = DecoderModel.open(weights);
    TinyStorage storage = new TinyStorage(model, steps(yaml));
    model.blocks().stream()
        .flatMap(block -> block.sites().stream())
        .filter(site -> storage.form(site, allocation).isPresent())
        .forEach(
            site -> {
              long[] shape = {site.outputs(), site.inputs()};
              StoredForm form = storage.form(site, allocation).orElseThrow();
              each.accept(site.name(), form.sized(shape).byteSize());
            });
  }

  private ScoreCache cache() {
    return new ScoreCache() {
      @Override
      public Optional<JsonNode> find(String key) {
        return Optional.ofNullable(kept.get(key));
      }

      @Override
      public void store(String key, JsonNode scores) {
        kept.put(key, scores);
      }
    };
  }
}
