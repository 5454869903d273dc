package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.models.Block;
import java.util.List;

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
        SmallestWeights smallest = new SmallestWeights(block, unit);
        for (double share : shares) {
          double loss = smallest.without(share, () -> replay.loss(index));
          out[u] += Math.max(0, loss - replay.loss()) / shares.length;
        }
        progress.advance(1);
      }
    }
    return out;
  }
}
