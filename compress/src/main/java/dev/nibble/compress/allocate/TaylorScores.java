package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.block.Seeds;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.Block;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * TDMPQ (sheet 01, step 3): the first-order change of the loss {@code E |⟨∂L/∂X, δ⟩|}, per
 * sequence, from one pass forward and back. δ is what rounding a unit's weights to the smallest
 * level does to them, or what rounding does to the input of a block, or any small change of that
 * input.
 */
final class TaylorScores implements GradientPass.Visitor {
  /** What is disturbed. */
  enum Perturb {
    WEIGHTS,
    INPUTS,
    RANDOM
  }

  private final ModelTask task;
  private final List<Unit> units;
  private final Level lowest;
  private final Perturb perturb;
  private final double eta;
  private final double[][] sums;
  private final Map<String, Integer> unitOf = new HashMap<>();
  private final Map<String, Tensor> changes = new HashMap<>();

  private TaylorScores(
      ModelTask task, List<Unit> units, Level lowest, Perturb perturb, double eta, int sequences) {
    this.task = task;
    this.units = units;
    this.lowest = lowest;
    this.perturb = perturb;
    this.eta = eta;
    this.sums = new double[units.size()][sequences];
    for (int u = 0; u < units.size(); u++) {
      for (Site site : units.get(u).sites()) {
        unitOf.put(site.name(), u);
      }
    }
  }

  /** Scores of the units. */
  static double[] of(
      ModelTask task,
      List<Unit> units,
      Level lowest,
      Perturb perturb,
      double eta,
      int[][] sequences) {
    TaylorScores scores = new TaylorScores(task, units, lowest, perturb, eta, sequences.length);
    try {
      GradientPass.run(task, sequences, Losses::nextToken, scores, "taylor");
    } finally {
      scores.leave(0, null);
    }
    double[] out = new double[units.size()];
    for (int u = 0; u < out.length; u++) {
      for (double each : scores.sums[u]) {
        out[u] += Math.abs(each) / sequences.length;
      }
    }
    return out;
  }

  @Override
  public List<String> wanted(BlockHandle block) {
    return perturb == Perturb.WEIGHTS
        ? block.sites().stream()
            .filter(site -> unitOf.containsKey(site.name()))
            .map(site -> TensorNames.weight(site.name()))
            .toList()
        : List.of();
  }

  @Override
  public void arrive(int index, Block block, List<Tensor> inputs) {
    if (perturb != Perturb.WEIGHTS
        || !(lowest.assignment() instanceof Assignment.Uniform(QuantSpec spec))) {
      return;
    }
    for (Site site : block.sites()) {
      if (unitOf.containsKey(site.name())) {
        Tensor weight = block.parameter(TensorNames.weight(site.name()));
        long[] shape = {site.outputs(), site.inputs()};
        changes.put(
            site.name(),
            Torch.owned(
                () ->
                    Torch.fromPacked(
                            RoundToNearest.quantize(
                                Torch.toFloats(weight),
                                shape,
                                spec,
                                RoundingOptions.DEFAULT,
                                task.workers()),
                            ScalarType.Float)
                        .sub(weight.detach())));
      }
    }
  }

  @Override
  public void gradients(
      int index,
      int sequence,
      Block block,
      Tensor input,
      Tensor inputGradient,
      Map<String, Tensor> parameters) {
    if (perturb == Perturb.WEIGHTS) {
      for (Site site : block.sites()) {
        Tensor change = changes.get(site.name());
        if (change != null) {
          sums[unitOf.get(site.name())][sequence] +=
              product(parameters.get(TensorNames.weight(site.name())), change);
        }
      }
      return;
    }
    for (int u = 0; u < units.size(); u++) {
      if (units.get(u).name().equals(block.name())) {
        Tensor change =
            perturb == Perturb.INPUTS
                ? rounded(input, lowest).sub(input)
                : noise(
                    input,
                    eta,
                    Seeds.derive(task.seed(), block.name(), Integer.toString(sequence)));
        sums[u][sequence] = product(inputGradient, change);
      }
    }
  }

  private static double product(Tensor gradient, Tensor change) {
    return Torch.noGrad(
        () -> gradient.mul(change).sum(new ScalarTypeOptional(ScalarType.Double)).item_double());
  }

  /** A block's input with every token rounded by a level. */
  static Tensor rounded(Tensor input, Level level) {
    if (!(level.assignment() instanceof Assignment.Uniform(QuantSpec spec))) {
      return input;
    }
    long width = input.size(-1);
    long[] shape = {input.numel() / width, width};
    return Torch.fromPacked(
            RoundToNearest.quantize(Torch.toFloats(input), shape, spec, RoundingOptions.DEFAULT),
            ScalarType.Float)
        .reshape(Torch.shape(input));
  }

  /** Gaussian noise of a relative size. */
  static Tensor noise(Tensor like, double eta, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = Torch.toFloats(like);
    double norm = 0;
    for (float v : values) {
      norm += (double) v * v;
    }
    double scale = eta * Math.sqrt(norm / values.length);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    return Torch.fromFloats(values, Torch.shape(like));
  }

  @Override
  public void leave(int index, Block block) {
    new ArrayList<>(changes.values()).forEach(Tensor::close);
    changes.clear();
  }
}
