package dev.nibble.io.model;

import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.safetensors.TensorSource;
import java.util.Optional;

/**
 * A layout for tests: {@code module.zeros}, of the transposed shape, stands for a weight of zeros.
 */
public final class ZerosLayout implements WeightLayout {
  static final String NAME = "test-zeros";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Optional<Reader> open(JsonFields quantization, TensorSource tensors) {
    if (!quantization.optionalString("quant_method").equals(Optional.of(NAME))) {
      return Optional.empty();
    }
    return Optional.of(
        new Reader() {
          @Override
          public boolean stores(String module) {
            return tensors.names().contains(module + ".zeros");
          }

          @Override
          public long[] shape(String module) {
            long[] shape = tensors.info(module + ".zeros").shape();
            return new long[] {shape[1], shape[0]};
          }

          @Override
          public Optional<ActivationQuant> inputQuant(String module) {
            return Optional.empty();
          }

          @Override
          public PackedTensor weight(String module) {
            long[] shape = shape(module);
            float[] zeros = new float[Math.toIntExact(shape[0] * shape[1])];
            return DenseTensor.of(zeros, shape);
          }
        });
  }
}
