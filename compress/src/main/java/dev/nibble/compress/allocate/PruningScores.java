package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.progress.Progress;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * PMPQ (sheet 01, step 2): how much worse the network predicts when the smallest weights of one
 * unit are set to zero, as a mean over several shares of them. The metric is the cross-entropy of
 * the next token, so one evaluation a unit and share.
 */
final class PruningScores {
  private PruningScores() {}

  /** Scores of the units, nats. */
  static double[] of(ModelTask task, List<Unit> units, double[] shares, int[][] sequences) {
    double[] out = new double[units.size()];
    try (Replay replay = new Replay(task, sequences);
        Progress.Task progress = task.progress().start("pruning", out.length, "units")) {
      if (!Double.isFinite(replay.loss())) {
        throw new NibbleException(
            "cptquant: the loss on the calibration text is not finite; repair the model or"
                + " calibrate on other text");
      }
      for (int u = 0; u < out.length; u++) {
        Unit unit = units.get(u);
        int index = Choices.blockOf(replay.blocks(), unit);
        Block block = replay.blocks().get(index);
        float[] magnitudes = magnitudes(block, unit);
        for (double share : shares) {
          int count = (int) Math.floor(share * magnitudes.length);
          float most = count == 0 ? -1 : magnitudes[count - 1];
          double loss = pruned(replay, index, block, unit.sites(), most);
          out[u] += Math.max(0, loss - replay.loss()) / shares.length;
        }
        progress.advance(1);
      }
    }
    return out;
  }

  private static float[] magnitudes(Block block, Unit unit) {
    float[] out = new float[Math.toIntExact(unit.weights())];
    int at = 0;
    for (Site site : unit.sites()) {
      for (float w : Torch.toFloats(block.parameter(TensorNames.weight(site.name())))) {
        out[at++] = Math.abs(w);
      }
    }
    Arrays.sort(out);
    return out;
  }

  /** Loss with weights of a magnitude up to {@code most} at zero, in all of the sites at once. */
  private static double pruned(
      Replay replay, int index, Block block, List<Site> sites, float most) {
    if (sites.isEmpty()) {
      return replay.loss(index);
    }
    String name = TensorNames.weight(sites.getFirst().name());
    float[] w = Torch.toFloats(block.parameter(name));
    for (int i = 0; i < w.length; i++) {
      if (Math.abs(w[i]) <= most) {
        w[i] = 0;
      }
    }
    try (Tensor values =
        Torch.owned(() -> Torch.fromFloats(w, Torch.shape(block.parameter(name))))) {
      return Replay.with(
          block,
          name,
          values,
          () -> pruned(replay, index, block, sites.subList(1, sites.size()), most));
    }
  }
}
