package dev.nibble.compress.block;

import dev.nibble.compress.BlockNotes;
import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Events;
import dev.nibble.compress.Step;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.BlockHandle;
import java.lang.foreign.Arena;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;

/** Takes blocks through a recipe's steps, in execution order of the network. */
public final class BlockRunner {
  private final List<RecipeStep> steps;
  private final long seed;
  private final ActivationStreams streams;
  private final Workers workers;
  private final Allocation allocation;

  /**
   * @param steps the recipe's steps, prepared
   * @param seed the recipe's seed
   * @param streams calibration activations
   * @param workers threads of tasks
   * @param allocation what the steps decided while they prepared the model
   */
  public BlockRunner(
      List<RecipeStep> steps,
      long seed,
      ActivationStreams streams,
      Workers workers,
      Allocation allocation) {
    this.steps = List.copyOf(steps);
    this.seed = seed;
    this.streams = streams;
    this.workers = workers;
    this.allocation = allocation;
  }

  /** Networks whose activations the steps want. */
  public static Set<ActivationStreams.Kind> streamsOf(List<RecipeStep> steps) {
    Set<ActivationStreams.Kind> out = EnumSet.noneOf(ActivationStreams.Kind.class);
    for (RecipeStep step : steps) {
      if (step.step().needs().inputs()) {
        out.add(ActivationStreams.Kind.QUANTIZED);
      }
      if (step.step().needs().originalInputs()) {
        out.add(ActivationStreams.Kind.ORIGINAL);
      }
    }
    return out;
  }

  /** Seed of a step's model-wide choices. */
  public static long stepSeed(long seed, List<RecipeStep> steps, int step) {
    return Seeds.derive(seed, "step", Integer.toString(step), steps.get(step).name());
  }

  /**
   * Loads a block, applies every step, seals it, and runs the activations through it.
   *
   * @param index its place among all blocks
   * @param plan how its tensors are stored
   * @param arena owns the sealed tensors that stay plain
   */
  public SealedBlock run(
      int index, BlockHandle handle, Map<String, PlannedTensor> plan, Arena arena) {
    CollectedEvents events = new CollectedEvents();
    Map<ActivationStreams.Kind, List<Long>> sums = new EnumMap<>(ActivationStreams.Kind.class);
    try (Block block = handle.load()) {
      advance(ActivationStreams.Kind.ORIGINAL, index, handle, block, sums);
      apply(index, handle, block, events);
      Map<String, PackedTensor> tensors = new Sealer(plan, arena, events).seal(block);
      advance(ActivationStreams.Kind.QUANTIZED, index, handle, block, sums);
      Map<String, Long> values = new TreeMap<>();
      tensors.keySet().forEach(name -> values.put(name, Sealer.simulated(block, name)));
      return new SealedBlock(
          tensors, operators(block), values, events.solvedSites(), events.events(), sums);
    }
  }

  private void apply(int index, BlockHandle handle, Block block, CollectedEvents events) {
    BlockNotes notes = new BlockNotes(allocation, storedTwice(handle));
    for (int s = 0; s < steps.size(); s++) {
      Step step = steps.get(s).step();
      long stepSeed = stepSeed(seed, steps, s);
      step.apply(new Task(handle, block, index, step.needs(), stepSeed, events, notes));
    }
  }

  private boolean storedTwice(BlockHandle handle) {
    return handle.sites().stream()
        .anyMatch(
            site ->
                steps.stream().filter(s -> s.step().stores(site, allocation).isPresent()).count()
                    > 1);
  }

  /** Nothing reads what leaves the head, so that is not computed. */
  private void advance(
      ActivationStreams.Kind kind,
      int index,
      BlockHandle handle,
      Block block,
      Map<ActivationStreams.Kind, List<Long>> sums) {
    if (streams.kinds().contains(kind) && handle.kind() != BlockHandle.Kind.HEAD) {
      sums.put(kind, streams.advance(kind, index, block));
    }
  }

  private static Map<String, SiteOps> operators(Block block) {
    Map<String, SiteOps> out = new TreeMap<>();
    for (String site : block.stateNames()) {
      SiteOps ops = block.state(site).ops();
      if (!ops.isPlain()) {
        out.put(site, ops);
      }
    }
    return out;
  }

  /**
   * Runs the activations through a block that was finished earlier, when they have been lost.
   *
   * @param tensors its stored tensors
   * @param operators its run-time operators
   */
  public Map<ActivationStreams.Kind, List<Long>> replay(
      int index,
      BlockHandle handle,
      Map<String, PackedTensor> tensors,
      Map<String, SiteOps> operators) {
    Map<ActivationStreams.Kind, List<Long>> sums = new EnumMap<>(ActivationStreams.Kind.class);
    try (Block block = handle.load()) {
      advance(ActivationStreams.Kind.ORIGINAL, index, handle, block, sums);
      WholeModel.restore(block, tensors, operators);
      advance(ActivationStreams.Kind.QUANTIZED, index, handle, block, sums);
    }
    return sums;
  }

  /** A step's view of a block. */
  private final class Task implements BlockTask {
    private final BlockHandle handle;
    private final Block block;
    private final int index;
    private final Step.Needs needs;
    private final long stepSeed;
    private final Events events;
    private final BlockNotes notes;

    Task(
        BlockHandle handle,
        Block block,
        int index,
        Step.Needs needs,
        long stepSeed,
        Events events,
        BlockNotes notes) {
      this.handle = handle;
      this.notes = notes;
      this.block = block;
      this.index = index;
      this.needs = needs;
      this.stepSeed = stepSeed;
      this.events = events;
    }

    @Override
    public Block block() {
      return block;
    }

    @Override
    public int index() {
      return index;
    }

    @Override
    public int batches() {
      return needs.calibration() ? streams.batches() : 0;
    }

    @Override
    public Tensor input(int batch) {
      require(needs.calibration());
      return streams.input(
          needs.inputs() ? ActivationStreams.Kind.QUANTIZED : ActivationStreams.Kind.ORIGINAL,
          index,
          batch);
    }

    @Override
    public Tensor originalInput(int batch) {
      require(needs.originalInputs());
      return streams.input(ActivationStreams.Kind.ORIGINAL, index, batch);
    }

    @Override
    public Tensor originalOutput(int batch) {
      require(needs.originalInputs() && handle.kind() != BlockHandle.Kind.HEAD);
      return streams.input(ActivationStreams.Kind.ORIGINAL, index + 1, batch);
    }

    private static void require(boolean asked) {
      if (!asked) {
        throw new IllegalStateException("the step asked for no such calibration inputs");
      }
    }

    @Override
    public Block loadOriginal() {
      return handle.load();
    }

    @Override
    public BlockNotes notes() {
      return notes;
    }

    @Override
    public Workers workers() {
      return workers;
    }

    @Override
    public long seed(String what) {
      return Seeds.derive(stepSeed, what);
    }

    @Override
    public Events events() {
      return events;
    }
  }
}
