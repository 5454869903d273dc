package dev.nibble.io.interop;

import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.model.WeightLayout;
import dev.nibble.io.safetensors.TensorSource;
import java.util.Locale;
import java.util.Optional;

/**
 * Linears as AutoAWQ's GEMM version stores them ({@code quant_method: awq, version: gemm}), 4 bits,
 * {@code G = in / group_size}:
 *
 * <pre>
 * qweight  I32 [in, out/8]   codes, 8 outputs a word
 * qzeros   I32 [G, out/8]    zero-points, likewise
 * scales   F16 [G, out]      or BF16 or F32
 * value[o, i] = scales[g, o] * (code[i, o] - zero[g, o]), g = i / group_size
 * </pre>
 *
 * <p>Nibble n of a word, counted from the lowest, holds output {@code 8 w + ORDER[n]} of word w.
 */
public final class AwqLayout implements WeightLayout {
  static final String METHOD = "awq";
  static final String QWEIGHT = "qweight";
  static final String QZEROS = "qzeros";
  static final String SCALES = "scales";
  static final int BITS = 4;
  static final int PER_WORD = 8;

  private static final int[] ORDER = {0, 2, 4, 6, 1, 3, 5, 7};
  private static final int MAX_GROUP = 1 << 24;

  @Override
  public String name() {
    return METHOD;
  }

  @Override
  public Optional<Reader> open(JsonFields quantization, TensorSource tensors) {
    if (!quantization.optionalString("quant_method").orElse("").equals(METHOD)) {
      return Optional.empty();
    }
    String version = quantization.optionalString("version").orElse("gemm").toLowerCase(Locale.ROOT);
    if (!version.equals("gemm")) {
      throw quantization.problem(
          "version", "'" + JsonFields.shown(version) + "' is not supported; only gemm is");
    }
    String bitsKey = quantization.spelling("bits", "w_bit");
    int bits = quantization.integer(bitsKey, 1, 64);
    if (bits != BITS) {
      throw quantization.problem(bitsKey, bits + " is not supported; only 4 is");
    }
    if (!quantization.flag("zero_point", true)) {
      throw quantization.problem("zero_point", "models without zero-points are not supported");
    }
    String groupKey = quantization.spelling("group_size", "q_group_size");
    int group = quantization.integer(groupKey, -1, MAX_GROUP);
    if (group == 0) {
      throw quantization.problem(groupKey, "0 is no group; -1 stands for whole rows");
    }
    return Optional.of(new Linears(group, tensors));
  }

  /**
   * Puts 8 outputs a word into the order of the words, or back: the same codes in place.
   *
   * @param codes streams of outputs, a multiple of 8 each
   * @param toWords from output order to nibble order, else the other way
   */
  static byte[] reorder(byte[] codes, boolean toWords) {
    byte[] out = new byte[codes.length];
    for (int base = 0; base < codes.length; base += PER_WORD) {
      for (int n = 0; n < PER_WORD; n++) {
        if (toWords) {
          out[base + n] = codes[base + ORDER[n]];
        } else {
          out[base + ORDER[n]] = codes[base + n];
        }
      }
    }
    return out;
  }

  /** The linears of one model. */
  private record Linears(int groupSize, TensorSource tensors) implements Reader {

    @Override
    public boolean stores(String module) {
      return new ModuleTensors(tensors, module).has(QWEIGHT);
    }

    @Override
    public long[] shape(String module) {
      ModuleTensors parts = new ModuleTensors(tensors, module);
      long[] packed = parts.shape(QWEIGHT, DType.I32, 2);
      long columns = packed[0];
      long rows = packed[1] * PER_WORD;
      parts.requireSize(QWEIGHT, rows, columns);
      long groups = columns / group(columns);
      if (groups * group(columns) != columns) {
        throw parts.problem(
            QWEIGHT, "groups of " + groupSize + " do not divide " + columns + " input channels");
      }
      parts.require(QZEROS, DType.I32, groups, packed[1]);
      parts.require(SCALES, parts.info(SCALES).dtype(), groups, rows);
      parts.scaleFormat(SCALES);
      return new long[] {rows, columns};
    }

    private long group(long columns) {
      return groupSize < 0 ? columns : groupSize;
    }

    @Override
    public Optional<ActivationQuant> inputQuant(String module) {
      return Optional.empty();
    }

    @Override
    public PackedTensor weight(String module) {
      ModuleTensors parts = new ModuleTensors(tensors, module);
      long[] shape = shape(module);
      int rows = (int) shape[0];
      int columns = (int) shape[1];
      int group = (int) group(columns);
      int groups = columns / group;
      return new LinearCodes(
              rows,
              columns,
              BITS,
              group,
              outputs(parts, QWEIGHT, columns, rows),
              parts.scaleFormat(SCALES),
              Grids.transpose(parts.scales(SCALES), groups, rows),
              Grids.unsigned(outputs(parts, QZEROS, groups, rows)),
              null)
          .pack();
    }

    /** {@code [lines, rows / 8]} words to {@code [rows, lines]} codes. */
    private static byte[] outputs(ModuleTensors parts, String part, int lines, int rows) {
      byte[] nibbles = WordMatrix.unpackRows(parts.tensor(part).data(), lines, rows, BITS);
      return WordMatrix.transpose(reorder(nibbles, false), lines, rows);
    }
  }
}
