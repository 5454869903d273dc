package dev.nibble.io.interop;

import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.model.WeightLayout;
import dev.nibble.io.safetensors.TensorSource;
import java.util.Optional;

/**
 * Linears as AutoGPTQ and GPTQModel store them ({@code quant_method: gptq}), with {@code in} input
 * and {@code out} output channels, {@code b} bits of 2, 3, 4 or 8, {@code G = ceil(in /
 * group_size)}:
 *
 * <pre>
 * qweight  I32 [in*b/32, out]   codes, a stream along each column
 * qzeros   I32 [G, out*b/32]    zero-points, a stream along each row; minus 1 in format "gptq",
 *                               as they are in format "gptq_v2"
 * scales   F16 [G, out]         or BF16 or F32
 * g_idx    I32 [in]             group of each input channel; may be absent
 * value[o, i] = scales[g, o] * (code[i, o] - zero[g, o]), g = g_idx[i]
 * </pre>
 *
 * <p>With 3 bits 32 codes fill 3 words without gaps. {@code sym} and {@code desc_act} say how the
 * model was made; what is read follows from zero-points and {@code g_idx} alone.
 */
public final class GptqLayout implements WeightLayout {
  static final String METHOD = "gptq";
  static final String V2 = "gptq_v2";
  static final String QWEIGHT = "qweight";
  static final String QZEROS = "qzeros";
  static final String SCALES = "scales";
  static final String G_IDX = "g_idx";

  @Override
  public String name() {
    return METHOD;
  }

  @Override
  public Optional<Reader> open(JsonFields quantization, TensorSource tensors) {
    if (!quantization.optionalString("quant_method").orElse("").equals(METHOD)) {
      return Optional.empty();
    }
    return Optional.of(new Linears(GptqRules.read(quantization), tensors));
  }

  /** The linears of one model. */
  private record Linears(GptqRules rules, TensorSource tensors) implements Reader {

    @Override
    public boolean stores(String module) {
      return new ModuleTensors(tensors, module).has(QWEIGHT);
    }

    @Override
    public long[] shape(String module) {
      return sizes(module).shape();
    }

    @Override
    public Optional<ActivationQuant> inputQuant(String module) {
      return Optional.empty();
    }

    private GptqSizes sizes(String module) {
      return GptqSizes.check(new ModuleTensors(tensors, module), rules.of(module));
    }

    @Override
    public PackedTensor weight(String module) {
      ModuleTensors parts = new ModuleTensors(tensors, module);
      GptqSizes s = sizes(module);
      int[] index = parts.has(G_IDX) ? parts.groupIndex(G_IDX, s.groups()) : null;
      return new LinearCodes(
              s.rows(),
              s.columns(),
              s.bits(),
              s.groupSize(),
              WordMatrix.unpackColumns(
                  parts.tensor(QWEIGHT).data(), s.rows(), s.columns(), s.bits()),
              parts.scaleFormat(SCALES),
              Grids.transpose(parts.scales(SCALES), s.groups(), s.rows()),
              zeros(parts, s),
              index)
          .pack();
    }

    private int[] zeros(ModuleTensors parts, GptqSizes s) {
      byte[] stored =
          WordMatrix.unpackRows(parts.tensor(QZEROS).data(), s.groups(), s.rows(), s.bits());
      int[] zeros = Grids.unsigned(WordMatrix.transpose(stored, s.groups(), s.rows()));
      if (rules.v2()) {
        return zeros;
      }
      for (int i = 0; i < zeros.length; i++) {
        zeros[i]++;
        if (zeros[i] == 1 << s.bits()) {
          throw parts.problem(
              QZEROS,
              "the zero-point of output "
                  + i / s.groups()
                  + ", group "
                  + i % s.groups()
                  + " is "
                  + zeros[i]
                  + ", which "
                  + s.bits()
                  + " bits cannot hold; save the model with checkpoint_format gptq_v2");
        }
      }
      return zeros;
    }
  }
}
