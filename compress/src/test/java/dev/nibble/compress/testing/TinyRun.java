package dev.nibble.compress.testing;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Events;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.DecoderModel;
import dev.nibble.models.ResidentModel;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Runs steps over a model in memory the way the pipeline does: prepare all, then block by block
 * with calibration inputs of the original and of the quantized prefix.
 */
public final class TinyRun {
  private final ModelWeights weights;
  private final int[][] calibration;
  private final Events events;
  private final int threads;

  /**
   * @param calibration token sequences; each is one batch
   * @param events where steps record
   */
  public TinyRun(ModelWeights weights, int[][] calibration, Events events, int threads) {
    this.weights = weights;
    this.calibration = calibration;
    this.events = events;
    this.threads = threads;
  }

  /** The model after the steps; the caller closes it. */
  public ResidentModel apply(Step... steps) {
    DecoderModel model = DecoderModel.open(weights);
    for (int s = 0; s < steps.length; s++) {
      steps[s].prepare(new ModelTask(model, 1000 + s, events));
    }
    List<Block> done = new ArrayList<>();
    try (Workers workers = new Workers(threads)) {
      List<Tensor> original = new ArrayList<>();
      List<Tensor> current = new ArrayList<>();
      for (int[] sequence : calibration) {
        original.add(Torch.tokens(sequence));
        current.add(Torch.tokens(sequence));
      }
      for (int i = 0; i < model.blocks().size(); i++) {
        Block block = model.blocks().get(i).load();
        done.add(block);
        List<Tensor> originalNext = forward(block, original);
        for (Step step : steps) {
          List<Tensor> inputs = step.needs().originalPrefix() ? original : current;
          step.apply(new Task(block, i, inputs, workers, events));
        }
        List<Tensor> currentNext = forward(block, current);
        close(current);
        close(original);
        current = currentNext;
        original = originalNext;
      }
      close(current);
      close(original);
    }
    return ResidentModel.of(model.config(), done);
  }

  private static List<Tensor> forward(Block block, List<Tensor> inputs) {
    List<Tensor> out = new ArrayList<>();
    for (Tensor input : inputs) {
      out.add(Torch.owned(() -> block.forward(input, BlockContext.PLAIN)));
    }
    return out;
  }

  private static void close(List<Tensor> tensors) {
    tensors.forEach(Tensor::close);
  }

  private record Task(Block block, int index, List<Tensor> inputs, Workers workers, Events events)
      implements BlockTask {
    @Override
    public int batches() {
      return inputs.size();
    }

    @Override
    public Tensor input(int batch) {
      return Torch.owned(() -> inputs.get(batch).clone());
    }

    @Override
    public long seed(String what) {
      return what.hashCode();
    }
  }
}
