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
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The changes of basis between queries and keys that commute with the rotary embedding: on each
 * pair of channels (i, i + d/2) that it turns, a complex number {@code z = a + ib}. Keys are
 * multiplied by z, queries by {@code z / |z|²}, which is {@code Ĉ⁻ᵀ} of {@code Ĉ = [[a, -b], [b,
 * a]]}. Channels that are not turned have {@code b = 0} throughout.
 */
final class QueryKeyTurn implements Place {
  private static final double FLOOR = 1e-2;

  private final String attention;
  private final double learningRate;
  private final Tensor real;
  private final Tensor imaginary;
  private final long[] partner;
  private final float[] sign;
  private final long[] ofKey;
  private final long[] keyOf;
  private final Set<String> parameters = new LinkedHashSet<>();

  /**
   * Starts at {@code z = 1}.
   *
   * @param attention canonical name of the attention, {@code model.layers.N.self_attn}
   */
  QueryKeyTurn(Block block, String attention, ModelConfig config, double learningRate) {
    this.attention = attention;
    this.learningRate = learningRate;
    this.ofKey = HeadLayout.tied(config);
    this.keyOf = HeadLayout.keyOf(config);
    int channels = ofKey.length;
    int half = config.positions() == ModelConfig.Positions.ROPE ? config.rope().dim() / 2 : 0;
    this.partner = new long[channels];
    this.sign = new float[channels];
    for (int c = 0; c < channels; c++) {
      int within = c % config.headDim();
      boolean turned = within < 2 * half;
      partner[c] = !turned ? c : within < half ? c + half : c - half;
      sign[c] = !turned ? 0 : within < half ? -1 : 1;
    }
    double[] ones = new double[channels];
    Arrays.fill(ones, 1);
    this.real = Leaves.of(ones, channels);
    this.imaginary = Leaves.of(new double[channels], channels);
    for (String module : List.of(attention + ".q_proj", attention + ".k_proj")) {
      parameters.add(TensorNames.weight(module));
      if (block.parameterNames().contains(TensorNames.bias(module))) {
        parameters.add(TensorNames.bias(module));
      }
    }
  }

  @Override
  public String name() {
    return attention;
  }

  @Override
  public List<Trainable> trainables() {
    return List.of(
        new Trainable(name() + ".real", real, learningRate),
        new Trainable(name() + ".imaginary", imaginary, learningRate));
  }

  @Override
  public Set<String> parameters() {
    return parameters;
  }

  @Override
  public Tensor map(String parameter, Tensor value, Function<String, Tensor> before) {
    ScalarType type = value.scalar_type();
    boolean key = parameter.startsWith(attention + ".k_proj.");
    Tensor tied = Torch.fromLongs(ofKey, ofKey.length);
    Tensor a = real.to(type).index_select(0, tied);
    Tensor b =
        imaginary.to(type).index_select(0, tied).mul(Torch.fromFloats(sign, sign.length).to(type));
    if (!key) {
      Tensor square = a.square().add(b.square());
      Tensor heads = Torch.fromLongs(keyOf, keyOf.length);
      a = a.div(square).index_select(0, heads);
      b = b.div(square).index_select(0, heads);
    }
    long[] partners = key ? partner : partnersOfQueries();
    Tensor others = value.index_select(0, Torch.fromLongs(partners, partners.length));
    boolean matrix = value.dim() == 2;
    return value.mul(matrix ? a.unsqueeze(1) : a).add(others.mul(matrix ? b.unsqueeze(1) : b));
  }

  /** A query channel's partner lies as far from it as that of the key channel that it meets. */
  private long[] partnersOfQueries() {
    long[] out = new long[keyOf.length];
    for (int c = 0; c < out.length; c++) {
      int met = (int) keyOf[c];
      out[c] = c + partner[met] - met;
    }
    return out;
  }

  /** Keeps every {@code |z|} off zero. */
  @Override
  public void project() {
    Torch.noGrad(
        () -> {
          Tensor size = real.square().add(imaginary.square()).sqrt();
          Tensor factor =
              torch.where(
                  size.lt(new Scalar(FLOOR)),
                  torch.full_like(size, new Scalar(FLOOR)).div(size.clamp_min(new Scalar(1e-12))),
                  torch.ones_like(size));
          real.mul_(factor);
          imaginary.mul_(factor);
          return null;
        });
  }

  @Override
  public void close() {
    real.close();
    imaginary.close();
  }
}
