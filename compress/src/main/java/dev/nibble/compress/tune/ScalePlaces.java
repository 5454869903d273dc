package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.compress.transform.SmoothQuant;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.models.Block;
import dev.nibble.models.Coupling;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;

/**
 * Where a block takes channel scales and shifts, and what they start from: between its norms and
 * the linears behind them, between values and outputs, between queries and keys. Nothing stands
 * before down_proj: features behind the activation function are too sparse for it.
 */
final class ScalePlaces {
  private final BlockTask task;
  private final String step;
  private final ModelConfig config;
  private final ScaleOptions options;
  private final List<Coupling> couplings;
  private final Map<String, ChannelRanges> ranges;

  /**
   * Looks at the inputs of all places.
   *
   * @throws NibbleException when an input quantizer there has a fixed scale
   */
  ScalePlaces(BlockTask task, String step, ModelConfig config, ScaleOptions options) {
    this.task = task;
    this.step = step;
    this.config = config;
    this.options = options;
    Block block = task.block();
    this.couplings =
        block.couplings().stream()
            .filter(
                c ->
                    c.kind() == Coupling.Kind.NORM_TO_LINEARS
                        || c.kind() == Coupling.Kind.VALUE_TO_OUTPUT)
            .filter(c -> direct(block, c))
            .toList();
    couplings.stream().flatMap(c -> c.consumers().stream()).forEach(this::requireDynamic);
    this.ranges =
        ChannelRanges.of(
            task,
            couplings.stream().collect(Collectors.toMap(Coupling::producer, Coupling::consumers)));
  }

  /** True when no run-time transform stands between producer and readers. */
  private static boolean direct(Block block, Coupling coupling) {
    String producer = coupling.producer();
    boolean plain =
        !block.stateNames().contains(producer)
            || block.state(producer).outputTransforms().isEmpty();
    return plain
        && coupling.consumers().stream().allMatch(s -> block.state(s).transforms().isEmpty());
  }

  private void requireDynamic(String site) {
    Optional<ActivationQuant> quant = task.block().state(site).inputQuant();
    if (quant.isPresent() && quant.get().isStatic()) {
      throw new NibbleException(
          step
              + ": "
              + site
              + " has an input quantizer with a fixed scale, which trained channel scales would"
              + " make wrong; write static: false in the activation step, or let: false");
    }
  }

  /** Norm → linears and value → output. */
  List<Coupling> couplings() {
    return couplings;
  }

  /** All places, starting at SmoothQuant's scales, or at 1. */
  List<Place> all(boolean smooth) {
    List<Place> out = new ArrayList<>();
    couplings.forEach(c -> out.add(channels(c, smooth)));
    queryKey().ifPresent(out::add);
    return out;
  }

  /** The scales of a coupling, starting at SmoothQuant's, or at 1. */
  Place channels(Coupling coupling, boolean smooth) {
    return new ChannelScale(
        task.block(), coupling, start(coupling, smooth), shift(coupling), options.learningRate());
  }

  /** Shifts of a coupling to start from, by channel of the producer; null where there are none. */
  double[] shift(Coupling coupling) {
    return shifts(coupling) ? byProducer(coupling, middle(coupling), false) : null;
  }

  private boolean shifts(Coupling coupling) {
    return options.shift()
        && config.norm() == ModelConfig.Norm.LAYER
        && task.block().state(coupling.consumers().getFirst()).inputQuant().isPresent()
        && ChannelScale.canShift(task.block(), coupling);
  }

  private double[] middle(Coupling coupling) {
    return ranges.get(coupling.producer()).middle();
  }

  /** {@code max|X|^α / max|W|^(1-α)} by channel of the producer, or ones. */
  double[] start(Coupling coupling, boolean smooth) {
    if (!smooth) {
      double[] ones = new double[coupling.width()];
      Arrays.fill(ones, 1);
      return ones;
    }
    double[] activations = byProducer(coupling, ranges.get(coupling.producer()).largest(), true);
    double[] weights = new double[coupling.width()];
    for (String reader : coupling.consumers()) {
      Tensor largest =
          Torch.owned(
              () ->
                  task.block()
                      .parameter(TensorNames.weight(reader))
                      .abs()
                      .amax(new long[] {0}, false));
      double[] own = byProducer(coupling, Torch.toDoubles(largest), true);
      largest.close();
      for (int j = 0; j < weights.length; j++) {
        weights[j] = Math.max(weights[j], own[j]);
      }
    }
    return SmoothQuant.scale(activations, weights, options.alpha());
  }

  /** Joins the readers' channels that one producer channel feeds, by maximum or mean. */
  private static double[] byProducer(Coupling coupling, double[] byReader, boolean maximum) {
    if (coupling.repeat() == 1) {
      return byReader;
    }
    long[] producer = HeadLayout.producerOf(coupling);
    double[] out = new double[coupling.width()];
    for (int c = 0; c < producer.length; c++) {
      int j = (int) producer[c];
      out[j] = maximum ? Math.max(out[j], byReader[c]) : out[j] + byReader[c] / coupling.repeat();
    }
    return out;
  }

  /** Whether queries and keys can be scaled: not before a norm of theirs, nor across transforms. */
  boolean scalesQueries() {
    String attention = attention();
    return options.queryKey() != ScaleOptions.QueryKey.NONE
        && !config.qkNorm()
        && task.block().stateNames().contains(attention)
        && task.block().state(attention).transforms().isEmpty();
  }

  private String attention() {
    return task.block().name() + "." + TensorNames.ATTENTION;
  }

  private Optional<Place> queryKey() {
    boolean free = options.queryKey() == ScaleOptions.QueryKey.FREE;
    return scalesQueries()
        ? Optional.of(
            new QueryKeyScale(task.block(), attention(), config, free, options.learningRate()))
        : Optional.empty();
  }
}
