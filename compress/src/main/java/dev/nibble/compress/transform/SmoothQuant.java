package dev.nibble.compress.transform;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.Step;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.rounding.Clip;
import dev.nibble.core.rounding.GridFlavour;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Moves activation outliers into the weights (SmoothQuant, Xiao et al. 2023, equation 4): the
 * channels behind a norm are divided by {@code s_j = max|X_j|^α / max|W_j|^(1-α)} and the weights
 * that read them multiplied by it, so that both fit 8 bits. Inputs of o_proj and down_proj are not
 * smoothed. A channel that is never active keeps s = 1. Where norms stand behind the residual adds,
 * as in BERT, nothing can take the division, and it stays to be done at run time.
 *
 * <p>{@code alpha: auto} tries 0.3, 0.35, …, 0.95 for each group and keeps the one whose 8-bit
 * weights (per channel) and inputs (per token) change the attention or MLP output least.
 */
public final class SmoothQuant implements Step {
  private static final double SMALLEST = 1e-5;
  private static final int GRID_FROM = 6;
  private static final int GRID_TO = 19;
  private static final double GRID = 20;
  private static final QuantSpec TRIAL_SPEC = QuantSpec.parse("int8:channel:sym");
  private static final RoundingOptions TRIAL_ROUNDING =
      new RoundingOptions(GridFlavour.SYM_NARROW, Clip.NONE, 2.4);

  private final SmoothOptions options;

  /** Smoothing with these options. */
  public SmoothQuant(SmoothOptions options) {
    this.options = options;
  }

  @Override
  public Needs needs() {
    return Needs.ORIGINAL_INPUTS;
  }

  @Override
  public long workingBytes(BlockShape shape) {
    long parameters = 0;
    long inputs = 0;
    for (var stage : shape.stages()) {
      inputs += stage.sites().getFirst().inputs();
      for (Site site : stage.sites()) {
        parameters += (long) site.outputs() * site.inputs();
      }
    }
    long tokens = Math.max(options.searchTokens(), shape.batchTokens());
    return Float.BYTES * (2 * parameters + inputs * (options.automatic() ? 2 * tokens : tokens));
  }

  @Override
  public void apply(BlockTask task) {
    Block block = task.block();
    if (!ScaleGroups.decoder(block)) {
      return;
    }
    int searchTokens = options.automatic() ? options.searchTokens() : 1;
    Map<String, StageInputs> inputs = StageInputs.gather(task, 1, searchTokens);
    try {
      smooth(task, inputs);
    } finally {
      new LinkedHashSet<>(inputs.values()).forEach(StageInputs::close);
    }
  }

  private void smooth(BlockTask task, Map<String, StageInputs> inputs) {
    Block block = task.block();
    Map<ScaleGroups.Group, Choice> choices = new LinkedHashMap<>();
    for (ScaleGroups.Group group : ScaleGroups.smoothed(block)) {
      choices.put(group, choose(task, group, inputs.get(group.name())));
    }
    try (BlockGuard guard = new BlockGuard(task, "smoothquant")) {
      choices.forEach(
          (group, choice) ->
              group
                  .coupling()
                  .ifPresentOrElse(
                      c -> ChannelScaling.fold(block, c, choice.scale()),
                      () ->
                          group
                              .sites()
                              .forEach(s -> ChannelScaling.online(block, s, choice.scale()))));
      if (!guard.accept("smoothquant")) {
        return;
      }
    }
    choices.forEach(
        (group, choice) ->
            task.events()
                .record(
                    "smoothquant.scale",
                    group.name(),
                    String.format(
                        Locale.ROOT,
                        "alpha %.2f, channel ratio of the input %.1f before and %.1f after",
                        choice.alpha(),
                        choice.ratioBefore(),
                        choice.ratioAfter())));
  }

  /**
   * A chosen scale.
   *
   * @param ratioBefore largest channel maximum of the input divided by the median one
   * @param ratioAfter the same after smoothing
   */
  private record Choice(double alpha, double[] scale, double ratioBefore, double ratioAfter) {}

  private Choice choose(BlockTask task, ScaleGroups.Group group, StageInputs inputs) {
    double[] weights = weightMaxima(task.block(), group.sites());
    double alpha = options.automatic() ? best(task, group, inputs, weights) : options.alpha();
    double[] s = scale(inputs.maxAbs(), weights, alpha);
    double[] smoothed = new double[s.length];
    for (int j = 0; j < s.length; j++) {
      smoothed[j] = inputs.maxAbs()[j] / s[j];
    }
    return new Choice(alpha, s, outlierRatio(inputs.maxAbs()), outlierRatio(smoothed));
  }

  /**
   * Equation 4: {@code max(A^α / B^(1-α), 1e-5)}; 1 for a channel that is never active.
   *
   * @param activations largest absolute activation of each channel
   * @param weights largest absolute weight that reads the channel
   */
  public static double[] scale(double[] activations, double[] weights, double alpha) {
    double[] s = new double[activations.length];
    for (int j = 0; j < s.length; j++) {
      s[j] =
          activations[j] == 0
              ? 1
              : Math.max(
                  Math.pow(activations[j], alpha)
                      / Math.pow(Math.max(weights[j], SMALLEST), 1 - alpha),
                  SMALLEST);
    }
    return s;
  }

  /** Largest absolute weight of each input channel over all linears of the group. */
  static double[] weightMaxima(Block block, List<String> sites) {
    double[] out = null;
    for (String site : sites) {
      Tensor largest =
          Torch.owned(
              () -> block.parameter(TensorNames.weight(site)).abs().amax(new long[] {0}, false));
      double[] values = Torch.toDoubles(largest);
      largest.close();
      if (out == null) {
        out = values;
      } else {
        for (int j = 0; j < out.length; j++) {
          out[j] = Math.max(out[j], values[j]);
        }
      }
    }
    return out;
  }

  private static double outlierRatio(double[] maxima) {
    double[] sorted = maxima.clone();
    java.util.Arrays.sort(sorted);
    double median = sorted[sorted.length / 2];
    return median == 0 ? 1 : sorted[sorted.length - 1] / median;
  }

  private double best(
      BlockTask task, ScaleGroups.Group group, StageInputs inputs, double[] weights) {
    Block block = task.block();
    RoundedWeight rounded = new RoundedWeight(TRIAL_SPEC, TRIAL_ROUNDING, task.workers());
    double best = 0;
    double least = Double.POSITIVE_INFINITY;
    try (CouplingLoss loss =
        new CouplingLoss(block, group.kind(), group.sites(), inputs.sequences(), task.workers())) {
      ActivationQuant eightBits = ActivationQuant.perToken(8);
      group.rounded(block).forEach(site -> block.state(site).inputQuant(eightBits));
      for (int i = GRID_FROM; i <= GRID_TO; i++) {
        double found =
            trial(block, group, scale(inputs.maxAbs(), weights, i / GRID), rounded, loss);
        if (found < least) {
          least = found;
          best = i / GRID;
        }
      }
    } finally {
      group.rounded(block).forEach(site -> block.state(site).inputQuant(null));
    }
    return best;
  }

  private static double trial(
      Block block, ScaleGroups.Group group, double[] s, RoundedWeight rounded, CouplingLoss loss) {
    double[] inverse = new double[s.length];
    for (int j = 0; j < s.length; j++) {
      inverse[j] = 1 / s[j];
    }
    Map<String, Tensor> weights = new LinkedHashMap<>();
    List<String> linears = group.rounded(block);
    for (String site : group.sites()) {
      Tensor original = block.parameter(TensorNames.weight(site));
      boolean plain = !linears.contains(site);
      weights.put(
          site,
          Torch.owned(
              () -> {
                Tensor scaled = original.mul(ChannelScaling.vector(s));
                return plain ? scaled : rounded.of(scaled);
              }));
    }
    try {
      return loss.with(weights, inverse);
    } finally {
      weights.values().forEach(Tensor::close);
    }
  }
}
