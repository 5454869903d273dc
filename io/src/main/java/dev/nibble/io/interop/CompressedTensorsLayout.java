package dev.nibble.io.interop;

import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.model.WeightLayout;
import dev.nibble.io.safetensors.TensorSource;
import java.util.Optional;

/**
 * Linears as compressed-tensors stores them ({@code quant_method: compressed-tensors}), {@code G}
 * groups a row (1 for channel), one scale in all for tensor:
 *
 * <pre>
 * pack-quantized
 *   weight_packed      I32 [out, ceil(in*b/32)]  codes q + 2^(b-1), a stream along each row
 *   weight_shape       I64 [2]                   out, in
 *   weight_zero_point  I32 [ceil(out*b/32), G]   z + 2^(b-1), a stream along each column;
 *                                                or I8 [out, G], z itself
 * int-quantized, naive-quantized
 *   weight             I8 [out, in]              codes q
 *   weight_zero_point  I8 [out, G]               z
 * float-quantized, naive-quantized
 *   weight             F8_E4M3 [out, in]         codes q, always without zero-point
 * all
 *   weight_scale       F16, BF16 or F32 [out, G]
 *   weight_g_idx       I32 [in]                  group of each column; absent without act-order
 * value[o, c] = weight_scale[o, g] * (q[o, c] - z[o, g])
 * </pre>
 *
 * <p>For 3, 5, 6 and 7 bits older writers put {@code floor(32 / b)} codes into a word and leave its
 * top bits free; which way a file has follows from the shape of {@code weight_packed}.
 */
public final class CompressedTensorsLayout implements WeightLayout {
  static final String METHOD = "compressed-tensors";
  static final String PACKED = "weight_packed";
  static final String WEIGHT = "weight";
  static final String SHAPE = "weight_shape";
  static final String SCALE = "weight_scale";
  static final String ZERO = "weight_zero_point";
  static final String G_IDX = "weight_g_idx";

  @Override
  public String name() {
    return METHOD;
  }

  @Override
  public Optional<Reader> open(JsonFields quantization, TensorSource tensors) {
    if (!quantization.optionalString("quant_method").orElse("").equals(METHOD)) {
      return Optional.empty();
    }
    return Optional.of(new Linears(quantization, new CompressedRules(quantization), tensors));
  }

  /** The linears of one model. */
  private record Linears(JsonFields json, CompressedRules rules, TensorSource tensors)
      implements Reader {

    @Override
    public boolean stores(String module) {
      ModuleTensors parts = new ModuleTensors(tensors, module);
      if (parts.has(PACKED)) {
        return true;
      }
      if (!parts.has(WEIGHT) || !parts.has(SCALE)) {
        return false;
      }
      DType type = parts.info(WEIGHT).dtype();
      return type == DType.I8 || type == DType.F8_E4M3;
    }

    private CompressedLinear linear(String module) {
      CompressedScheme scheme =
          rules
              .of(module)
              .orElseThrow(
                  () ->
                      json.problem(
                          "config_groups",
                          "no group targets "
                              + JsonFields.shown(module)
                              + ", whose weight is quantized"));
      return CompressedLinear.check(new ModuleTensors(tensors, module), scheme);
    }

    @Override
    public long[] shape(String module) {
      return linear(module).shape();
    }

    @Override
    public Optional<ActivationQuant> inputQuant(String module) {
      return linear(module).scheme().input();
    }

    @Override
    public PackedTensor weight(String module) {
      return linear(module).weight();
    }
  }
}
