package dev.nibble.compress.solve;

import dev.nibble.compress.BlockTask;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Reads the weight of a site from a block, and stores the solved one. */
public final class SiteWeights {
  private SiteWeights() {}

  /**
   * The weight that a step is to store, {@code [outputs, inputs]} row-major: what the block holds,
   * or what it held before an earlier step of the recipe stored it. Not to be modified.
   *
   * @throws NibbleException naming the tensor, row and column of the first value that is not finite
   */
  public static float[] read(BlockTask task, Site site) {
    return task.notes().target(site.name()).orElseGet(() -> read(task.block(), site));
  }

  private static float[] read(Block block, Site site) {
    String name = TensorNames.weight(site.name());
    float[] w = Torch.toFloats(block.parameter(name));
    int at = RoundToNearest.firstNonFinite(w);
    if (at >= 0) {
      throw new NibbleException(
          "tensor "
              + name
              + ": the element at row "
              + at / site.inputs()
              + ", column "
              + at % site.inputs()
              + " is "
              + w[at]
              + "; a weight must be finite to be quantized, so repair or re-export the model",
          NibbleException.BAD_INPUT,
          null);
    }
    return w;
  }

  /**
   * Sets a site's packed weight and the block's parameter, which equals it from now on.
   *
   * @param w the weight that was read
   */
  public static void store(BlockTask task, Site site, float[] w, PackedTensor packed) {
    Block block = task.block();
    task.notes().target(site.name(), w);
    Torch.run(
        () ->
            block.setParameter(
                TensorNames.weight(site.name()), Torch.fromPacked(packed, ScalarType.Float)));
    block.state(site.name()).packed(packed);
  }
}
