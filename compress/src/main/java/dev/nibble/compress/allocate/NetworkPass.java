package dev.nibble.compress.allocate;

import dev.nibble.compress.block.Batches;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Model;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Runs calibration tokens through the original network, block by block, with one block in memory. A
 * group of batches goes through all blocks before the next group starts, so that the activations
 * held are those of a group, at most about {@value #GROUP_BYTES} bytes; groups depend on the shapes
 * alone.
 */
public final class NetworkPass {
  private static final long GROUP_BYTES = 128 << 20;

  private NetworkPass() {}

  /** Looks at what goes into a block and what comes out. Called from several threads. */
  public interface Visitor {
    /** What watches the inputs of the block's linears, or null. */
    default BlockContext.SiteObserver observer(int block, int batch) {
      return null;
    }

    /**
     * A batch has passed a block.
     *
     * @param block index among all blocks; the embedding is 0
     * @param input of the block, valid during the call only
     * @param output likewise
     */
    void passed(int block, int batch, Tensor input, Tensor output);
  }

  /**
   * Runs the batches through embedding and decoder blocks.
   *
   * @param what shown as progress
   */
  public static void run(
      Model model,
      Batches batches,
      Workers workers,
      Progress progress,
      String what,
      Visitor visitor) {
    List<BlockHandle> blocks = withoutHead(model);
    long batchBytes =
        4L * Math.max(1, batches.perBatch()) * batches.length() * model.config().hiddenSize();
    int group = Math.clamp(GROUP_BYTES / Math.max(1, batchBytes), 4, 1024);
    try (Progress.Task task =
        progress.start(what, (long) blocks.size() * batches.count(), "batches")) {
      for (int first = 0; first < batches.count(); first += group) {
        int from = first;
        int count = Math.min(group, batches.count() - first);
        List<Tensor> inputs = new ArrayList<>(Collections.nCopies(count, null));
        workers.forEach(count, i -> inputs.set(i, batches.tokens(from + i)));
        try {
          for (int b = 0; b < blocks.size(); b++) {
            pass(b, blocks.get(b), from, inputs, workers, visitor);
            task.advance(count);
          }
        } finally {
          inputs.forEach(Tensor::close);
        }
      }
    }
  }

  private static void pass(
      int index,
      BlockHandle handle,
      int from,
      List<Tensor> inputs,
      Workers workers,
      Visitor visitor) {
    try (Block block = handle.load()) {
      workers.forEach(
          inputs.size(),
          i -> {
            Tensor input = inputs.get(i);
            BlockContext context = new BlockContext(visitor.observer(index, from + i));
            Tensor output = Torch.owned(() -> block.forward(input, context));
            Torch.noGrad(
                () -> {
                  visitor.passed(index, from + i, input, output);
                  return null;
                });
            inputs.set(i, output);
            input.close();
          });
    }
  }

  private static List<BlockHandle> withoutHead(Model model) {
    return model.blocks().stream().filter(b -> b.kind() != BlockHandle.Kind.HEAD).toList();
  }

  /** The first sequences of a calibration set. */
  public static Batches first(Batches batches, int sequences) {
    int[][] all = batches.sequences();
    int count = Math.min(sequences, all.length);
    int[][] some = new int[count][];
    System.arraycopy(all, 0, some, 0, count);
    return new Batches(some, batches.perBatch());
  }
}
