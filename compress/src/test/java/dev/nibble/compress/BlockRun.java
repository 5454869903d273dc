package dev.nibble.compress;

import dev.nibble.compress.testing.TinyRun;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** What {@link TinyRun} leaves in the sites of a model: packed tensors, parameters and events. */
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
    try (ResidentModel model =
        new TinyRun(weights, tokens, run.events, threads, changed)
            .apply(steps.toArray(Step[]::new))) {
      model.blocks().forEach(run::keep);
    }
    return run;
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
}
