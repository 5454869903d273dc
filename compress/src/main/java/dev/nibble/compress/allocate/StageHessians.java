package dev.nibble.compress.allocate;

import dev.nibble.compress.BlockNotes;
import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Events;
import dev.nibble.compress.ModelTask;
import dev.nibble.compress.calibrate.Hessian;
import dev.nibble.compress.calibrate.HessianPass;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.Stage;
import dev.nibble.models.Torch;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Hessians of a block's stages while a step prepares the model, from inputs that it holds. */
final class StageHessians {
  private StageHessians() {}

  /** One for each stage; the caller closes them. */
  static Map<Stage, Hessian> of(
      ModelTask task, int index, Block block, List<Stage> stages, List<Tensor> inputs) {
    return HessianPass.collect(new Held(task, index, block, inputs), stages);
  }

  /** A block's inputs as a pass over the model holds them. */
  private record Held(ModelTask task, int index, Block block, List<Tensor> inputs)
      implements BlockTask {
    @Override
    public int batches() {
      return inputs.size();
    }

    @Override
    public Tensor input(int batch) {
      return Torch.scope(() -> inputs.get(batch).clone());
    }

    @Override
    public Tensor originalInput(int batch) {
      return input(batch);
    }

    @Override
    public Tensor originalOutput(int batch) {
      return Torch.owned(() -> block.forward(inputs.get(batch), BlockContext.PLAIN));
    }

    @Override
    public Block loadOriginal() {
      return task.model().blocks().get(index).load();
    }

    @Override
    public BlockNotes notes() {
      return new BlockNotes(task.allocation(), false);
    }

    @Override
    public Workers workers() {
      return task.workers();
    }

    @Override
    public long seed(String what) {
      return task.seed();
    }

    @Override
    public Events events() {
      return task.events();
    }
  }
}
