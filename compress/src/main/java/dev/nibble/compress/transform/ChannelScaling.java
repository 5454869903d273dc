package dev.nibble.compress.transform;

import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.OnlineTransform;
import dev.nibble.models.Block;
import dev.nibble.models.Coupling;
import dev.nibble.models.Torch;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * Diagonal scaling along a coupling: {@code W·diag(s)} at the consumers, {@code diag(s)⁻¹} at the
 * producer. The function stays.
 */
final class ChannelScaling {
  private ChannelScaling() {}

  /**
   * True when nothing stands between producer and consumers: a run-time transform there would act
   * on the scaled channels.
   */
  static boolean direct(Block block, Coupling coupling) {
    return coupling.consumers().stream().allMatch(site -> block.state(site).transforms().isEmpty());
  }

  /**
   * Folds the scale into producer and consumers.
   *
   * @param s positive, one per channel of the producer ({@link Coupling#width})
   */
  static void fold(Block block, Coupling coupling, double[] s) {
    maps(block, coupling, s).forEach((name, map) -> replace(block, name, map));
  }

  /** What folding does to each tensor, for fp32 and fp64 values alike. */
  static Map<String, UnaryOperator<Tensor>> maps(Block block, Coupling coupling, double[] s) {
    Map<String, UnaryOperator<Tensor>> out = new LinkedHashMap<>();
    boolean norm = coupling.kind() == Coupling.Kind.NORM_TO_LINEARS;
    out.put(TensorNames.weight(coupling.producer()), w -> w.div(norm ? vector(s) : column(s, w)));
    String bias = TensorNames.bias(coupling.producer());
    if (block.parameterNames().contains(bias)) {
      out.put(bias, b -> b.div(norm ? vector(s) : tail(s, b)));
    }
    double[] inputs = consumerScale(coupling, s);
    for (String consumer : coupling.consumers()) {
      out.put(TensorNames.weight(consumer), w -> w.mul(vector(inputs)));
    }
    return out;
  }

  /** Scales a site's weight and leaves the inverse to be done at run time. */
  static void online(Block block, String site, double[] s) {
    float[] inverse = new float[s.length];
    for (int j = 0; j < s.length; j++) {
      inverse[j] = (float) (1 / s[j]);
    }
    block.state(site).transforms().add(new OnlineTransform.Scaling(inverse));
    replace(block, TensorNames.weight(site), w -> w.mul(vector(s)));
  }

  /**
   * The scale by consumer channel: with grouped heads each key-value head's scales serve all the
   * query heads that read it.
   */
  static double[] consumerScale(Coupling coupling, double[] s) {
    if (coupling.repeat() == 1) {
      return s;
    }
    int dim = coupling.headDim();
    double[] out = new double[s.length * coupling.repeat()];
    for (int head = 0; head * dim < out.length; head++) {
      System.arraycopy(s, head / coupling.repeat() * dim, out, head * dim, dim);
    }
    return out;
  }

  /**
   * Statistics of consumer channels averaged over the query heads that share a producer channel.
   */
  static double[] producerMean(Coupling coupling, double[] consumer) {
    if (coupling.repeat() == 1) {
      return consumer;
    }
    int dim = coupling.headDim();
    double[] out = new double[coupling.width()];
    for (int j = 0; j < consumer.length; j++) {
      out[j / dim / coupling.repeat() * dim + j % dim] += consumer[j] / coupling.repeat();
    }
    return out;
  }

  static Tensor vector(double[] s) {
    float[] values = new float[s.length];
    for (int j = 0; j < s.length; j++) {
      values[j] = (float) s[j];
    }
    return Torch.fromFloats(values, values.length);
  }

  /** Ones above the last {@code s.length} rows. */
  private static Tensor tail(double[] s, Tensor rows) {
    double[] all = new double[Math.toIntExact(rows.size(0))];
    java.util.Arrays.fill(all, 1);
    System.arraycopy(s, 0, all, all.length - s.length, s.length);
    return vector(all);
  }

  private static Tensor column(double[] s, Tensor weight) {
    return tail(s, weight).unsqueeze(1);
  }

  private static void replace(Block block, String name, UnaryOperator<Tensor> map) {
    Torch.noGrad(
        () -> {
          block.setParameter(name, map.apply(block.parameter(name)));
          return null;
        });
  }
}
