package dev.nibble.compress.transform;

import dev.nibble.core.model.TensorNames;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.Coupling;
import dev.nibble.models.Torch;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * The scale of a group of linears (AWQ, Lin et al. 2024, section 3.2, with the normalization of the
 * released code): {@code s = a^r / √(max · min)} where {@code a} is the mean absolute input of each
 * channel, and r the exponent whose rounded weights change the output least.
 */
final class AwqScaleSearch {
  /** Keeps channels that are never active from a scale of zero. */
  private static final double SMALLEST = 1e-4;

  private final Block block;
  private final Workers workers;
  private final RoundedWeight rounded;
  private final int points;

  AwqScaleSearch(Block block, Workers workers, RoundedWeight rounded, int points) {
    this.block = block;
    this.workers = workers;
    this.rounded = rounded;
    this.points = points;
  }

  /**
   * The best exponent.
   *
   * @param ratio r
   * @param scale by producer channel
   * @param consumerScale by input channel of the group's linears
   * @param loss mean squared change of the output
   * @param plainLoss the same with r = 0, which is round-to-nearest
   */
  record Choice(
      double ratio, double[] scale, double[] consumerScale, double loss, double plainLoss) {}

  /** Tries every exponent; the smallest of equally good ones wins. The block is left as it was. */
  Choice search(ScaleGroups.Group group, StageInputs inputs) {
    double[] mean =
        group
            .coupling()
            .map(c -> ChannelScaling.producerMean(c, inputs.meanAbs()))
            .orElse(inputs.meanAbs());
    Choice best = null;
    double plain = 0;
    try (CouplingLoss loss =
        new CouplingLoss(block, group.kind(), group.sites(), inputs.sequences(), workers)) {
      for (int i = 0; i < points; i++) {
        double ratio = (double) i / points;
        double[] s = scale(mean, ratio);
        double[] wide = consumerScale(group, s);
        double found = trial(group, wide, loss);
        if (i == 0) {
          plain = found;
        }
        if (best == null || found < best.loss()) {
          best = new Choice(ratio, s, wide, found, plain);
        }
      }
    }
    return best;
  }

  static double[] scale(double[] mean, double ratio) {
    double[] s = new double[mean.length];
    double max = 0;
    double min = Double.POSITIVE_INFINITY;
    for (int j = 0; j < s.length; j++) {
      s[j] = Math.max(Math.pow(mean[j], ratio), SMALLEST);
      max = Math.max(max, s[j]);
      min = Math.min(min, s[j]);
    }
    double middle = Math.sqrt(max * min);
    for (int j = 0; j < s.length; j++) {
      s[j] /= middle;
    }
    return s;
  }

  private static double[] consumerScale(ScaleGroups.Group group, double[] s) {
    return group.coupling().map((Coupling c) -> ChannelScaling.consumerScale(c, s)).orElse(s);
  }

  /** Routers are not rounded, and divided by the scale again they are what they were. */
  private double trial(ScaleGroups.Group group, double[] s, CouplingLoss loss) {
    Map<String, Tensor> weights = new LinkedHashMap<>();
    for (String site : group.rounded(block)) {
      Tensor original = block.parameter(TensorNames.weight(site));
      weights.put(
          site,
          Torch.owned(
              () -> {
                Tensor factor = ChannelScaling.vector(s);
                return rounded.of(original.mul(factor)).div(factor);
              }));
    }
    try {
      return loss.with(weights, null);
    } finally {
      weights.values().forEach(Tensor::close);
    }
  }
}
