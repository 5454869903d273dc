package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.progress.Progress;
import dev.nibble.models.Block;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Torch;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Layer-wise quantization by {@link ZScores}: the fewer of a layer's weights stand out, the more
 * important it is, so the score is minus that share.
 */
final class ZdStep extends RankedLayers {
  private final double threshold;
  private final ZScores.Side side;

  ZdStep(Options options, double threshold, ZScores.Side side) {
    super("zd", options);
    this.threshold = threshold;
    this.side = side;
  }

  @Override
  public Needs needs() {
    return Needs.NOTHING;
  }

  @Override
  double[] scores(ModelTask task, List<Unit> blocks) {
    double[] shares =
        RememberedScores.row(
            task.scores(),
            "zd threshold="
                + threshold
                + " side="
                + side
                + " blocks="
                + blocks.stream().map(b -> b.name() + b.sites().size()).toList(),
            blocks.size(),
            () -> measure(task, blocks));
    double[] out = new double[shares.length];
    for (int i = 0; i < out.length; i++) {
      if (shares[i] == 0) {
        task.events()
            .record("zd.constant", blocks.get(i).name(), "no weight stands out from the others");
      }
      out[i] = -shares[i];
    }
    return out;
  }

  private double[] measure(ModelTask task, List<Unit> blocks) {
    Map<String, BlockHandle> handles =
        task.model().blocks().stream()
            .collect(Collectors.toMap(BlockHandle::name, Function.identity()));
    double[] out = new double[blocks.size()];
    try (Progress.Task progress = task.progress().start("zd", blocks.size(), "layers")) {
      task.workers()
          .forEach(
              out.length,
              i -> {
                out[i] = share(blocks.get(i), handles.get(blocks.get(i).name()));
                progress.advance(1);
              });
    }
    return out;
  }

  private double share(Unit unit, BlockHandle handle) {
    try (Block block = handle.load()) {
      List<float[]> weights =
          unit.sites().stream()
              .map(site -> Torch.toFloats(block.parameter(TensorNames.weight(site.name()))))
              .toList();
      ZScores moments = new ZScores();
      weights.forEach(moments::add);
      if (!Double.isFinite(moments.deviation())) {
        throw new NibbleException(
            "zd: a weight of " + unit.name() + " is not finite; repair or re-export the model",
            NibbleException.BAD_INPUT,
            null);
      }
      long beyond = weights.stream().mapToLong(w -> moments.beyond(w, threshold, side)).sum();
      return (double) beyond / moments.count();
    }
  }
}
