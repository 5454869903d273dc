package dev.nibble.compress;

import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;

/**
 * The simplest driver of steps: all blocks in order, inputs of a block computed by the blocks
 * before it as the steps left them. No journal, no files; for tests and small measurements.
 */
public final class BlockRun {
  private final RecordedEvents events = new RecordedEvents();
  private final Map<String, PackedTensor> packed = new LinkedHashMap<>();
  private final Map<String, float[]> parameters = new LinkedHashMap<>();

  private BlockRun() {}

  /** Random token sequences. */
  public static int[][] randomTokens(int sequences, int length, int vocabulary, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[][] out = new int[sequences][length];
    for (int[] sequence : out) {
      for (int i = 0; i < length; i++) {
        sequence[i] = random.nextInt(vocabulary);
      }
    }
    return out;
  }

  /** Runs the steps over a model; every sequence is a batch of its own. */
  public static BlockRun of(
      ModelWeights weights, List<? extends Step> steps, int[][] tokens, int threads) {
    return of(weights, steps, tokens, threads, block -> {});
  }

  /**
   * As the other.
   *
   * @param changed called on each block before the steps, to plant faults
   */
  public static BlockRun of(
      ModelWeights weights,
      List<? extends Step> steps,
      int[][] tokens,
      int threads,
      Consumer<Block> changed) {
    BlockRun run = new BlockRun();
    try (Workers workers = new Workers(threads);
        DecoderModel model = DecoderModel.open(weights)) {
      steps.forEach(step -> step.prepare(new ModelTask(model, 0, run.events)));
      List<Tensor> inputs = new ArrayList<>();
      for (int[] sequence : tokens) {
        inputs.add(Torch.tokens(sequence));
      }
      for (BlockHandle handle : model.blocks()) {
        try (Block block = handle.load()) {
          changed.accept(block);
          List<Tensor> now = inputs;
          Task task = new Task(block, now, workers, run.events);
          steps.forEach(step -> step.apply(task));
          run.keep(block);
          inputs = forward(block, now);
        }
      }
      inputs.forEach(Tensor::close);
    }
    return run;
  }

  private static List<Tensor> forward(Block block, List<Tensor> inputs) {
    List<Tensor> out = new ArrayList<>();
    for (Tensor input : inputs) {
      out.add(Torch.noGrad(() -> block.forward(input, BlockContext.PLAIN)));
      input.close();
    }
    return out;
  }

  private void keep(Block block) {
    for (Site site : block.sites()) {
      String name = site.name() + ".weight";
      block.state(site.name()).packed().ifPresent(p -> packed.put(site.name(), p));
      parameters.put(site.name(), Torch.toFloats(block.parameter(name)));
    }
  }

  /** What was recorded. */
  public RecordedEvents events() {
    return events;
  }

  /** Packed weights by site. */
  public Map<String, PackedTensor> packed() {
    return packed;
  }

  /** Weights of every site as the blocks ended with them. */
  public Map<String, float[]> parameters() {
    return parameters;
  }

  private record Task(Block block, List<Tensor> inputs, Workers workers, Events events)
      implements BlockTask {
    @Override
    public int index() {
      return 0;
    }

    @Override
    public int batches() {
      return inputs.size();
    }

    @Override
    public Tensor input(int batch) {
      return Torch.scope(() -> inputs.get(batch).clone());
    }

    @Override
    public long seed(String what) {
      return what.hashCode();
    }
  }
}
