package dev.nibble.compress.tune;

import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Block;
import dev.nibble.models.Coupling;
import dev.nibble.models.Torch;
import java.util.ArrayList;
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
 * A matrix of every value head, and a shift, between values and outputs: {@code W̃_v = Ĉ⁻ᵀ W_v},
 * {@code b̃_v = (b_v - δ) Ĉ⁻¹}, {@code W̃_o = W_o Ĉᵀ}, {@code b̃_o = b_o + W_o δ}, head by head; a
 * value head's matrix serves all query heads that read it. The shift is exact because rows of
 * attention probabilities sum to one.
 */
final class ValueMatrix implements Place {
  private final Coupling coupling;
  private final double learningRate;
  private final MaskedMatrix matrix;
  private final Tensor shift;
  private final Set<String> parameters = new LinkedHashSet<>();

  /**
   * Takes over the matrices.
   *
   * @param matrix one of the head's width for each value head
   * @param shift to start from, or null for none
   */
  ValueMatrix(
      Block block, Coupling coupling, MaskedMatrix matrix, double[] shift, double learningRate) {
    this.coupling = coupling;
    this.matrix = matrix;
    this.learningRate = learningRate;
    this.shift = shift == null ? null : Leaves.of(shift, shift.length);
    parameters.add(TensorNames.weight(coupling.producer()));
    parameters.add(TensorNames.weight(reader()));
    if (block.parameterNames().contains(TensorNames.bias(coupling.producer()))) {
      parameters.add(TensorNames.bias(coupling.producer()));
    }
    if (shift != null) {
      parameters.add(TensorNames.bias(reader()));
    }
  }

  private String reader() {
    return coupling.consumers().getFirst();
  }

  @Override
  public String name() {
    return coupling.producer();
  }

  @Override
  public List<Trainable> trainables() {
    List<Trainable> out = new ArrayList<>();
    out.add(matrix.trainable(learningRate));
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
    ScalarType type = value.scalar_type();
    boolean bias = parameter.endsWith(".bias");
    int dim = coupling.headDim();
    if (parameter.startsWith(coupling.producer() + ".")) {
      Tensor rows = bias && shift != null ? value.sub(shift.to(type)) : value;
      Tensor split = rows.reshape(-1, dim, bias ? 1 : value.size(1));
      Tensor changed = torch.matmul(matrix.inverse(type).transpose(1, 2), split);
      return changed.reshape(Torch.shape(value));
    }
    if (bias) {
      return value.add(torch.mv(before.apply(TensorNames.weight(reader())), spreadShift(type)));
    }
    Tensor split = value.reshape(value.size(0), -1, dim).transpose(0, 1); // [heads, out, dim]
    Tensor changed = torch.matmul(split, byQueryHead(matrix.masked(type)).transpose(1, 2));
    return changed.transpose(0, 1).reshape(value.size(0), value.size(1));
  }

  private Tensor byQueryHead(Tensor byValueHead) {
    int repeat = coupling.repeat();
    return repeat == 1
        ? byValueHead
        : byValueHead.repeat_interleave(repeat, new LongOptional(0L), new LongOptional());
  }

  private Tensor spreadShift(ScalarType type) {
    long[] index = HeadLayout.producerOf(coupling);
    return shift.to(type).index_select(0, Torch.fromLongs(index, index.length));
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
    if (shift != null) {
      shift.close();
    }
  }
}
