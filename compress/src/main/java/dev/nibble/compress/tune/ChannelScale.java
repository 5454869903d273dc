package dev.nibble.compress.tune;

import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Block;
import dev.nibble.models.Coupling;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A scale s and a shift δ of every channel between a producer and the linears that read it
 * (OmniQuant, equations 3 and 4; a norm, or values on their way through attention, whose rows of
 * probabilities sum to one):
 *
 * <pre>
 *   X̃ = (X - δ) / s   in the producer,      W̃ = W diag(s),   b̃ = b + W δ   in its readers
 * </pre>
 *
 * <p>With grouped heads the query heads that read one value head share its scales and shifts.
 */
final class ChannelScale implements Place {
  private final Coupling coupling;
  private final double learningRate;
  private final Tensor scale;
  private final Tensor shift;
  private final Set<String> parameters = new LinkedHashSet<>();

  /**
   * Starts at a scale and a shift.
   *
   * @param coupling norm → linears, or value → output
   * @param scale by channel of the producer, none 0
   * @param shift by channel of the producer; null for none, and then none is learned
   */
  ChannelScale(
      Block block, Coupling coupling, double[] scale, double[] shift, double learningRate) {
    this.coupling = coupling;
    this.learningRate = learningRate;
    this.scale = Leaves.of(scale, scale.length);
    this.shift = shift == null ? null : Leaves.of(shift, shift.length);
    parameters.add(TensorNames.weight(coupling.producer()));
    add(block, TensorNames.bias(coupling.producer()));
    for (String reader : coupling.consumers()) {
      parameters.add(TensorNames.weight(reader));
      if (shift != null) {
        add(block, TensorNames.bias(reader));
      }
    }
  }

  private void add(Block block, String parameter) {
    if (block.parameterNames().contains(parameter)) {
      parameters.add(parameter);
    }
  }

  /** True when producer and all readers have a bias, so that a shift has somewhere to go. */
  static boolean canShift(Block block, Coupling coupling) {
    List<String> modules = new ArrayList<>(coupling.consumers());
    modules.add(coupling.producer());
    return modules.stream()
        .allMatch(module -> block.parameterNames().contains(TensorNames.bias(module)));
  }

  @Override
  public String name() {
    return coupling.producer();
  }

  @Override
  public List<Trainable> trainables() {
    List<Trainable> out = new ArrayList<>();
    out.add(new Trainable(name() + ".scale", scale, learningRate));
    if (shift != null) {
      out.add(new Trainable(name() + ".shift", shift, learningRate));
    }
    return out;
  }

  @Override
  public Set<String> parameters() {
    return parameters;
  }

  @Override
  public Tensor map(String parameter, Tensor value, Function<String, Tensor> before) {
    boolean bias = parameter.endsWith(".bias");
    String module = parameter.substring(0, parameter.lastIndexOf('.'));
    if (module.equals(coupling.producer())) {
      Tensor s = scale.to(value.scalar_type());
      if (bias) {
        return (shift == null ? value : value.sub(shift.to(value.scalar_type()))).div(s);
      }
      return value.div(value.dim() == 2 ? s.unsqueeze(1) : s);
    }
    if (bias) {
      Tensor w = before.apply(TensorNames.weight(module));
      return value.add(torch.mv(w, spread(shift.to(value.scalar_type()))));
    }
    return value.mul(spread(scale.to(value.scalar_type())));
  }

  /** By channel of the readers. */
  private Tensor spread(Tensor byProducer) {
    if (coupling.repeat() == 1) {
      return byProducer;
    }
    long[] index = HeadLayout.producerOf(coupling);
    return byProducer.index_select(0, Torch.fromLongs(index, index.length));
  }

  @Override
  public void project() {
    Leaves.keepAway(scale);
  }

  @Override
  public void close() {
    scale.close();
    if (shift != null) {
      shift.close();
    }
  }
}
