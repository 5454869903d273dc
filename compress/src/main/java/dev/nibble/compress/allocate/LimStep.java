package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.allocate.LayerInputModification.Cosines;
import dev.nibble.compress.block.Batches;
import dev.nibble.core.NibbleException;
import dev.nibble.models.BlockHandle;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Layer-wise quantization by {@link LayerInputModification}. */
final class LimStep extends RankedLayers {
  private final int samples;

  /**
   * @param samples calibration sequences to look at, at most
   */
  LimStep(Options options, int samples) {
    super("lim", options);
    this.samples = samples;
  }

  @Override
  public Needs needs() {
    return Needs.TOKENS;
  }

  @Override
  double[] scores(ModelTask task, List<Unit> blocks) {
    Batches batches = NetworkPass.first(task.tokens(), samples);
    List<BlockHandle> handles = task.model().blocks();
    double[][] scores =
        RememberedScores.table(
            task.scores(),
            "lim samples=" + batches.sequences().length,
            2,
            handles.size(),
            () -> measure(task, batches, handles.size()));
    Map<String, Integer> index = new HashMap<>();
    for (int i = 0; i < handles.size(); i++) {
      index.put(handles.get(i).name(), i);
    }
    for (Unit block : blocks) {
      String first = String.format(Locale.ROOT, "%.4f", scores[1][index.get(block.name())]);
      task.events().record("lim.first-token", block.name(), "score of first tokens " + first);
    }
    return blocks.stream()
        .mapToDouble(b -> finite(b.name(), scores[0][index.get(b.name())]))
        .toArray();
  }

  /** Row 0 over all tokens, row 1 over first tokens; by index of the block. */
  private static double[][] measure(ModelTask task, Batches batches, int blocks) {
    Cosines[][] found = new Cosines[blocks][batches.count()];
    NetworkPass.run(
        task.model(),
        batches,
        task.workers(),
        task.progress(),
        "lim",
        (int block, int batch, Tensor input, Tensor output) ->
            found[block][batch] =
                block == 0 ? Cosines.NONE : LayerInputModification.of(input, output));
    double[][] scores = new double[2][blocks];
    for (int b = 0; b < blocks; b++) {
      Cosines sum =
          Arrays.stream(found[b]).filter(c -> c != null).reduce(Cosines.NONE, Cosines::plus);
      scores[0][b] = sum.score();
      scores[1][b] = sum.firstScore();
    }
    return scores;
  }

  private static double finite(String block, double score) {
    if (Double.isFinite(score)) {
      return score;
    }
    throw new NibbleException(
        "lim: the hidden states of "
            + block
            + " are not finite, or zero throughout, on the calibration text; repair the model or"
            + " calibrate on other text");
  }
}
