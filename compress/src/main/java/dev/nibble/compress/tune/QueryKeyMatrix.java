package dev.nibble.compress.tune;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Block;
import dev.nibble.models.Torch;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A matrix of every key head between queries and keys: {@code W̃_q = Ĉ⁻ᵀ W_q}, {@code W̃_k = Ĉ
 * W_k}, biases likewise, head by head. Exact without rotary positions, which such a matrix does not
 * commute with.
 */
final class QueryKeyMatrix implements Place {
  private final String attention;
  private final int dim;
  private final int repeat;
  private final double learningRate;
  private final MaskedMatrix matrix;
  private final Set<String> parameters = new LinkedHashSet<>();

  /**
   * Takes over the matrices.
   *
   * @param attention canonical name of the attention, {@code model.layers.N.self_attn}
   * @param matrix one of the head's width for each key head
   */
  QueryKeyMatrix(
      Block block, String attention, ModelConfig config, MaskedMatrix matrix, double learningRate) {
    this.attention = attention;
    this.dim = config.headDim();
    this.repeat = config.heads() / config.kvHeads();
    this.matrix = matrix;
    this.learningRate = learningRate;
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
    return List.of(matrix.trainable(learningRate));
  }

  @Override
  public Set<String> parameters() {
    return parameters;
  }

  @Override
  public Tensor map(String parameter, Tensor value, Function<String, Tensor> before) {
    ScalarType type = value.scalar_type();
    boolean key = parameter.startsWith(attention + ".k_proj.");
    Tensor split = value.reshape(-1, dim, value.dim() == 1 ? 1 : value.size(1));
    Tensor left =
        key
            ? matrix.masked(type)
            : matrix
                .inverse(type)
                .transpose(1, 2)
                .repeat_interleave(repeat, new LongOptional(0L), new LongOptional());
    return torch.matmul(left, split).reshape(Torch.shape(value));
  }

  @Override
  public void begin(int epoch, int epochs) {
    matrix.begin(epoch, epochs);
  }

  @Override
  public void project() {
    matrix.project();
  }

  @Override
  public Optional<String> problem() {
    return matrix.problem();
  }

  @Override
  public Map<String, String> report() {
    return matrix.report();
  }

  @Override
  public void close() {
    matrix.close();
  }
}
