package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How far the network's predictions move when a single unit is damaged and all others are whole
 * (sheet 49, step 3): {@code Ω = mean KL(M(x) ‖ M_damaged(x))} over all positions, in nats, from
 * forward passes alone.
 */
final class MaskedDivergence {
  private MaskedDivergence() {}

  /** {@code Ω} of each unit when {@code ratio} of its weights, the smallest, are zero. */
  static double[] masked(ModelTask task, List<Unit> units, double ratio, int[][] sequences) {
    double[] out = new double[units.size()];
    try (Replay replay = new Replay(task, sequences);
        Progress.Task progress = task.progress().start("masking", out.length, "layers")) {
      for (int u = 0; u < out.length; u++) {
        int index = Choices.blockOf(replay.blocks(), units.get(u));
        out[u] =
            new SmallestWeights(replay.blocks().get(index), units.get(u))
                .without(ratio, () -> replay.divergence(index));
        progress.advance(1);
      }
    }
    return out;
  }

  /** The same when the unit is rounded to each level, {@code [units][levels]}. */
  static double[][] rounded(ModelTask task, Choices choices, int[][] sequences) {
    double[][] out = new double[choices.units().size()][choices.levels().size()];
    try (Replay replay = new Replay(task, sequences);
        Progress.Task progress = task.progress().start("rounding", out.length, "layers")) {
      for (int u = 0; u < out.length; u++) {
        List<Site> sites = choices.units().get(u).sites();
        int index = Choices.blockOf(replay.blocks(), choices.units().get(u));
        for (int l = 0; l < out[u].length; l++) {
          if (choices.levels().get(l).assignment() instanceof Assignment.Uniform(QuantSpec spec)) {
            out[u][l] = rounded(task, replay, index, sites, spec);
          }
        }
        progress.advance(1);
      }
    }
    return out;
  }

  private static double rounded(
      ModelTask task, Replay replay, int index, List<Site> sites, QuantSpec spec) {
    if (sites.isEmpty()) {
      return replay.divergence(index);
    }
    Block block = replay.blocks().get(index);
    Site site = sites.getFirst();
    String name = TensorNames.weight(site.name());
    long[] shape = {site.outputs(), site.inputs()};
    float[] w = Torch.toFloats(block.parameter(name));
    try (Tensor values =
        Torch.fromPacked(
            RoundToNearest.quantize(w, shape, spec, RoundingOptions.DEFAULT, task.workers()),
            ScalarType.Float)) {
      return Replay.with(
          block,
          name,
          values,
          () -> rounded(task, replay, index, sites.subList(1, sites.size()), spec));
    }
  }
}
