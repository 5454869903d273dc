package dev.nibble.compress.transform;

import dev.nibble.core.model.TensorNames;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.Coupling;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What other weights at a group of linears that share an input do to the output they lead to: the
 * whole attention or MLP behind a norm (or of several linears that read the stream), the linear
 * itself behind another linear. Mean squared difference to the original weights' output, in fp32,
 * summed in fp64 in a fixed order.
 */
final class CouplingLoss implements AutoCloseable {
  private static final String ATTENTION = "." + TensorNames.ATTENTION + ".";

  private final Block block;
  private final List<String> sites;
  private final List<String> parts;
  private final List<Tensor> inputs;
  private final Workers workers;
  private final List<Tensor> expected = new ArrayList<>();

  /**
   * Runs the original weights.
   *
   * @param kind what stands before the linears; null for nothing that could be folded into
   * @param sites all linears that read the input
   * @param inputs {@code [batch, seq, in]} each; not modified, the caller's
   */
  CouplingLoss(
      Block block, Coupling.Kind kind, List<String> sites, List<Tensor> inputs, Workers workers) {
    this.block = block;
    this.sites = sites;
    this.parts =
        kind == Coupling.Kind.NORM_TO_LINEARS || sites.size() > 1
            ? sites.stream()
                .map(s -> s.contains(ATTENTION) ? "self_attn" : "mlp")
                .distinct()
                .toList()
            : List.of();
    this.inputs = inputs;
    this.workers = workers;
    for (Tensor input : inputs) {
      expected.add(Torch.owned(() -> output(input)));
    }
  }

  /**
   * Loss with other weights; the block is left as it was.
   *
   * @param weights by site, the caller's
   * @param inverse multiplied into the inputs' channels, or null
   */
  double with(Map<String, Tensor> weights, double[] inverse) {
    Map<String, Tensor> originals = new LinkedHashMap<>();
    for (String site : sites) {
      String name = TensorNames.weight(site);
      originals.put(name, Torch.owned(() -> block.parameter(name).clone()));
    }
    try {
      weights.forEach((site, w) -> set(TensorNames.weight(site), w));
      return loss(inverse);
    } finally {
      originals.forEach(this::set);
      originals.values().forEach(Tensor::close);
    }
  }

  private double loss(double[] inverse) {
    double[] sums = new double[inputs.size()];
    workers.forEach(
        inputs.size(),
        i ->
            Torch.noGrad(
                () -> {
                  Tensor x = inputs.get(i);
                  Tensor y = output(inverse == null ? x : x.mul(ChannelScaling.vector(inverse)));
                  Tensor squares = y.sub(expected.get(i)).square();
                  sums[i] = squares.to(ScalarType.Double).sum().item_double();
                  return null;
                }));
    double sum = 0;
    long count = 0;
    for (int i = 0; i < sums.length; i++) {
      sum += sums[i];
      count += expected.get(i).numel();
    }
    return sum / count;
  }

  private Tensor output(Tensor x) {
    if (parts.isEmpty()) {
      return torch.linear(x, block.parameter(TensorNames.weight(sites.getFirst())));
    }
    Tensor sum = null;
    for (String part : parts) {
      Tensor y = block.forwardPart(part, x, BlockContext.PLAIN);
      sum = sum == null ? y : sum.add(y);
    }
    return sum;
  }

  private void set(String name, Tensor value) {
    Torch.run(() -> block.setParameter(name, value.clone()));
  }

  @Override
  public void close() {
    expected.forEach(Tensor::close);
  }
}
