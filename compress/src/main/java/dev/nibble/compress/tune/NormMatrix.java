package dev.nibble.compress.tune;

import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Block;
import dev.nibble.models.Coupling;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A matrix, and a shift, between a norm and the linears behind it: {@code x̃ = (x - δ) Ĉ⁻¹} is left
 * to be done at run time, {@code W̃ = W Ĉᵀ}, {@code b̃ = b + W δ}. x is a row vector.
 */
final class NormMatrix implements Place {
  private final Coupling coupling;
  private final double learningRate;
  private final MaskedMatrix matrix;
  private final Tensor shift;
  private final Set<String> parameters = new LinkedHashSet<>();

  /**
   * Takes over the matrix.
   *
   * @param matrix of the norm's width
   * @param shift to start from, or null for none
   */
  NormMatrix(
      Block block, Coupling coupling, MaskedMatrix matrix, double[] shift, double learningRate) {
    this.coupling = coupling;
    this.matrix = matrix;
    this.learningRate = learningRate;
    this.shift = shift == null ? null : Leaves.of(shift, shift.length);
    if (shift != null) {
      parameters.add(TensorNames.bias(coupling.producer()));
    }
    for (String reader : coupling.consumers()) {
      parameters.add(TensorNames.weight(reader));
      if (shift != null) {
        parameters.add(TensorNames.bias(reader));
      }
    }
    if (!block.parameterNames().containsAll(parameters)) {
      throw new IllegalArgumentException(name() + " has no biases to take a shift");
    }
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
    String module = parameter.substring(0, parameter.lastIndexOf('.'));
    if (module.equals(coupling.producer())) {
      return value.sub(shift.to(type));
    }
    if (parameter.endsWith(".bias")) {
      return value.add(torch.mv(before.apply(TensorNames.weight(module)), shift.to(type)));
    }
    return torch.matmul(value, matrix.masked(type).squeeze(0).t());
  }

  @Override
  public List<String> inputSites() {
    return coupling.consumers();
  }

  @Override
  public Tensor inputMatrix(ScalarType type) {
    return matrix.inverse(type).squeeze(0);
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
