package dev.nibble.compress.tune;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Block;
import dev.nibble.models.Torch;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/**
 * A scale of every key channel: {@code Q̃ = Q / s}, {@code K̃ = K s}, folded into the projections
 * (OmniQuant, equation 5). Products of queries and keys stay only if the rotary embedding, which
 * mixes channels i and i + d/2, finds the same scale on both: so they are tied, unless {@code free}
 * asks for the paper's scales, which change the function of a model with rotary positions.
 */
final class QueryKeyScale implements Place {
  private final String attention;
  private final double learningRate;
  private final Tensor scale;
  private final long[] ofKey;
  private final long[] ofQuery;
  private final Set<String> parameters = new LinkedHashSet<>();

  /**
   * Starts at scales of 1.
   *
   * @param attention canonical name of the attention, {@code model.layers.N.self_attn}
   * @param free do not tie the channels that the rotary embedding turns together
   */
  QueryKeyScale(
      Block block, String attention, ModelConfig config, boolean free, double learningRate) {
    this.attention = attention;
    this.learningRate = learningRate;
    this.ofKey = HeadLayout.tied(config);
    if (free) {
      Arrays.setAll(ofKey, c -> c);
    }
    long[] keyOf = HeadLayout.keyOf(config);
    this.ofQuery = Arrays.stream(keyOf).map(key -> ofKey[(int) key]).toArray();
    double[] ones = new double[ofKey.length];
    Arrays.fill(ones, 1);
    this.scale = Leaves.of(ones, ones.length);
    for (String module : List.of(query(), key())) {
      parameters.add(TensorNames.weight(module));
      if (block.parameterNames().contains(TensorNames.bias(module))) {
        parameters.add(TensorNames.bias(module));
      }
    }
  }

  private String query() {
    return attention + ".q_proj";
  }

  private String key() {
    return attention + ".k_proj";
  }

  @Override
  public String name() {
    return attention;
  }

  @Override
  public List<Trainable> trainables() {
    return List.of(new Trainable(name() + ".scale", scale, learningRate));
  }

  @Override
  public Set<String> parameters() {
    return parameters;
  }

  @Override
  public Tensor map(String parameter, Tensor value, Function<String, Tensor> before) {
    boolean key = parameter.startsWith(key() + ".");
    long[] index = key ? ofKey : ofQuery;
    Tensor s = scale.to(value.scalar_type()).index_select(0, Torch.fromLongs(index, index.length));
    Tensor rows = value.dim() == 2 ? s.unsqueeze(1) : s;
    return key ? value.mul(rows) : value.div(rows);
  }

  @Override
  public void project() {
    Leaves.keepAway(scale);
  }

  @Override
  public void close() {
    scale.close();
  }
}
