package dev.nibble.pipeline.plan;

import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.block.ActivationStreams;
import dev.nibble.compress.block.Batches;
import dev.nibble.compress.block.BlockRunner;
import dev.nibble.compress.block.PlannedTensor;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.io.file.ByteCount;
import dev.nibble.models.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Works out a {@link Plan}. */
public final class Planner {
  private final ModelWeights source;
  private final Model model;
  private final Recipe recipe;
  private final Batches batches;
  private final Allocation allocation;

  /**
   * @param source the model's tensors as they are now
   * @param model the model with the steps' rewrites installed
   * @param batches calibration sequences; none when no step looks at any
   * @param allocation what the recipe's steps decided while they prepared the model
   */
  public Planner(
      ModelWeights source, Model model, Recipe recipe, Batches batches, Allocation allocation) {
    this.source = source;
    this.model = model;
    this.recipe = recipe;
    this.batches = batches;
    this.allocation = allocation;
  }

  /**
   * The plan, without a time.
   *
   * @param name the source, as the user named it
   * @param threads most tasks at once
   * @param memoryLimit most bytes of anonymous memory, 0 for no limit; fewer threads are planned
   *     where that makes the run fit
   * @param notes notes to put on the plan
   * @throws NibbleException when no number of threads fits, with what would
   */
  public Plan plan(String name, int threads, long memoryLimit, List<String> notes) {
    TensorPlanner.Result result = TensorPlanner.plan(source, model, recipe.steps(), allocation);
    Map<String, PlannedTensor> byName =
        result.tensors().stream().collect(Collectors.toMap(PlannedTensor::name, t -> t));
    int fitting = fittingThreads(byName, threads, memoryLimit);
    long memory = memoryModel(byName, batches.length()).peakBytes(fitting);
    long sourceBytes = source.names().stream().mapToLong(n -> source.tensor(n).byteSize()).sum();
    return new Plan(
        name,
        recipe.name(),
        result.tensors(),
        result.fileBytes(),
        sourceBytes,
        allocation.reports(),
        new Forecast(memory, 0, scratchBytes(result.fileBytes()), fitting),
        withActiveBytes(notes, result));
  }

  /** Of a mixture of experts a token reads a part only. */
  private List<String> withActiveBytes(List<String> notes, TensorPlanner.Result result) {
    if (!model.config().moe().present()) {
      return notes;
    }
    double active =
        result.tensors().stream()
            .mapToDouble(t -> t.bytes() * TensorLayout.activeShare(model.config(), t.name()))
            .sum();
    List<String> out = new ArrayList<>(notes);
    out.add(
        "decoding a token reads "
            + ByteCount.text(Math.round(active))
            + " of "
            + ByteCount.text(result.fileBytes()));
    return out;
  }

  private MemoryModel memoryModel(Map<String, PlannedTensor> tensors, int length) {
    int sequences = batches.sequences().length;
    int batchTokens =
        length == 0 ? 0 : length * Math.min(sequences, Batches.sequencesPerBatch(length));
    return new MemoryModel(model, recipe.steps(), tensors, batchTokens, length, allocation);
  }

  /** Unit files, the assembled file, and the activations before and behind a block. */
  private long scratchBytes(long fileBytes) {
    long tokens = (long) batches.sequences().length * batches.length();
    int streams = BlockRunner.streamsOf(recipe.steps()).size();
    return 2 * fileBytes
        + ActivationStreams.scratchBytes(tokens, model.config().hiddenSize(), streams);
  }

  private int fittingThreads(Map<String, PlannedTensor> tensors, int threads, long limit) {
    MemoryModel memory = memoryModel(tensors, batches.length());
    for (int t = threads; t >= 1; t--) {
      if (limit == 0 || memory.peakBytes(t) <= limit) {
        return t;
      }
    }
    for (int length = batches.length() / 2; length >= 64; length /= 2) {
      if (memoryModel(tensors, length).peakBytes(1) <= limit) {
        throw tooLarge(limit, memory, "calibration.length: " + length + " in the recipe would fit");
      }
    }
    throw tooLarge(
        limit,
        memory,
        "its largest block takes that by itself; give it --memory "
            + Math.ceilDiv(memory.peakBytes(1), 1 << 20)
            + "m");
  }

  private static NibbleException tooLarge(long limit, MemoryModel memory, String remedy) {
    return new NibbleException(
        "the run needs about "
            + ByteCount.text(memory.peakBytes(1))
            + " of memory with one thread, more than the "
            + ByteCount.text(limit)
            + " allowed; "
            + remedy,
        NibbleException.RESOURCES,
        null);
  }
}
