package dev.nibble.compress.transform;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.core.NibbleException;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Coupling;
import dev.nibble.models.Model;
import dev.nibble.models.Torch;
import java.util.Locale;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;

/**
 * Multiplies the channels between producers and consumers by random factors and divides them again
 * in the weights that read them: equation 6 of cross-layer equalization (Nagel et al., "Data-Free
 * Quantization Through Weight Equalization and Bias Correction", ICCV 2019), run to make a model
 * harder rather than easier. The function stays, the numbers do not: weights that lie on the grid
 * of an earlier quantization leave it, and a few channels can be made the outliers that large
 * models have.
 *
 * <p>Factors go through every coupling of every decoder block: norm to linears, value to output, up
 * to down. They apply while weights are read, before whatever the recipe lists later. Every block
 * is compared with its rescaled self first, and nothing is installed unless all agree. Time
 * O(parameters); memory of one block.
 */
public final class Rescale implements Step {
  private static final int SEQUENCES = 2;
  private static final int LENGTH = 24;

  /** Largest accepted {@code ‖difference‖ / ‖output‖}; fp32 rounding gives about 1e-6. */
  private static final double TOLERANCE = 1e-4;

  private final RescaleOptions options;

  /** A rescaling with these options. */
  public Rescale(RescaleOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.NOTHING;
  }

  @Override
  public void prepare(ModelTask task) {
    Model model = task.model();
    SplittableRandom random =
        new SplittableRandom(options.seed() >= 0 ? options.seed() : task.seed());
    TensorRewrites rewrites = new TensorRewrites();
    double worst = 0;
    for (BlockHandle handle : model.blocks()) {
      if (handle.kind() != BlockHandle.Kind.DECODER) {
        continue;
      }
      double difference = add(handle, random, model.config().hiddenSize(), rewrites);
      if (difference > TOLERANCE) {
        task.events()
            .record(
                "rescale.rolled-back",
                handle.name(),
                String.format(
                    Locale.ROOT,
                    "outputs of the rescaled block differ by %.2e; the model stays as it was",
                    difference));
        return;
      }
      worst = Math.max(worst, difference);
    }
    model.install(rewrites, model.config());
    task.events()
        .record(
            "rescale.verified",
            "model",
            String.format(Locale.ROOT, "block outputs agree within a relative %.2e", worst));
  }

  /** Draws a block's factors; how far the rescaled block is from the original. */
  private double add(
      BlockHandle handle, SplittableRandom random, int hiddenSize, TensorRewrites rewrites) {
    try (Block block = handle.load();
        Tensor input = input(random.nextLong(), hiddenSize);
        Tensor expected = output(block, input)) {
      for (Coupling coupling : block.couplings().stream().filter(options::selects).toList()) {
        refuseOperators(block, coupling);
        double[] s = inverseFactors(coupling.width(), random);
        ChannelScaling.maps(block, coupling, s).forEach(rewrites::add);
        ChannelScaling.fold(block, coupling, s);
      }
      try (Tensor found = output(block, input)) {
        return Equivalence.relativeDifference(expected, found);
      }
    }
  }

  /** An earlier step's run-time operators would see channels of another size. */
  private static void refuseOperators(Block block, Coupling coupling) {
    for (String site : coupling.consumers()) {
      if (!block.state(site).ops().isPlain()) {
        throw new NibbleException(
            "rescale: "
                + site
                + " already has run-time operators; put rescale first, on the original model");
      }
    }
  }

  /** What the consumers' columns are multiplied by: one over each channel's factor. */
  private double[] inverseFactors(int width, SplittableRandom random) {
    double[] s = new double[width];
    double low = Math.log(options.low());
    double span = Math.log(options.high()) - low;
    for (int j = 0; j < width; j++) {
      s[j] = Math.exp(-low - span * random.nextDouble());
    }
    random
        .ints(0, width)
        .distinct()
        .limit(Math.min(options.outliers(), width))
        .forEach(j -> s[j] /= options.outlierFactor());
    return s;
  }

  private static Tensor input(long seed, int hiddenSize) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[SEQUENCES * LENGTH * hiddenSize];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Torch.owned(() -> Torch.fromFloats(values, SEQUENCES, LENGTH, hiddenSize));
  }

  private static Tensor output(Block block, Tensor input) {
    return Torch.owned(() -> block.forward(input, BlockContext.PLAIN));
  }
}
