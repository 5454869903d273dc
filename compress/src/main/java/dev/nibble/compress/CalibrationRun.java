package dev.nibble.compress;

import dev.nibble.models.BlockContext;
import dev.nibble.models.Torch;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/** Runs calibration batches through the block at hand, without gradients. */
public final class CalibrationRun {
  private CalibrationRun() {}

  /** The block's output for a batch; the caller closes it. */
  public static Tensor output(BlockTask task, int batch) {
    return withInput(
        task, batch, x -> Torch.owned(() -> task.block().forward(x, BlockContext.PLAIN)));
  }

  /** Runs a batch only to be watched. */
  public static void observe(BlockTask task, int batch, BlockContext.SiteObserver observer) {
    withInput(
        task,
        batch,
        x -> {
          Torch.noGrad(
              () -> {
                task.block().forward(x, new BlockContext(observer));
                return null;
              });
          return null;
        });
  }

  /** Tokens of a batch. */
  public static long tokens(BlockTask task, int batch) {
    return withInput(task, batch, x -> x.size(0) * x.size(1));
  }

  private static <T> T withInput(BlockTask task, int batch, Function<Tensor, T> use) {
    Tensor input = task.input(batch);
    try {
      return use.apply(input);
    } finally {
      input.close();
    }
  }
}
