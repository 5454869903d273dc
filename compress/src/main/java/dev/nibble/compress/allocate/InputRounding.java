package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.progress.Progress;
import dev.nibble.models.Block;
import dev.nibble.models.SiteState;
import java.util.Arrays;
import java.util.List;

/**
 * How far the predictions move when the input of a single linear is rounded with one dynamic scale
 * for each sequence and everything else is whole (sheet 26, detector {@code error}): the mean
 * divergence over all positions, in nats, which unlike the loss itself cannot fall by chance.
 */
final class InputRounding {
  private InputRounding() {}

  /**
   * The divergence for each site.
   *
   * @param bits of the rounded input, 2 to 8
   */
  static double[] of(ModelTask task, List<String> sites, int bits, int[][] sequences) {
    ActivationQuant quant =
        new ActivationQuant(bits, ActivationQuant.Granularity.TENSOR, 0, true, 1f, 0f, 0);
    double[] out = new double[sites.size()];
    Arrays.fill(out, Double.NaN);
    try (Replay replay = new Replay(task, sequences);
        Progress.Task progress = task.progress().start("rounding inputs", out.length, "layers")) {
      List<Block> blocks = replay.blocks();
      for (int s = 0; s < out.length; s++) {
        int index = Choices.blockOf(blocks, sites.get(s));
        SiteState state = blocks.get(index).state(sites.get(s));
        state.inputQuant(quant);
        out[s] = replay.divergence(index);
        state.inputQuant(null);
        progress.advance(1);
      }
    }
    return out;
  }
}
