package dev.nibble.io.interop;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.NibbleException;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Writes the layout of {@link AwqLayout}: 4 bits, one group size for all. */
final class AwqFormat implements LinearFormat {

  @Override
  public String name() {
    return "AWQ";
  }

  @Override
  public void check(StoredLinear linear) {
    requirePlain(linear);
    if (linear.bits() != AwqLayout.BITS) {
      throw unfit(linear, "it has 4 bits only");
    }
    if (linear.reordered()) {
      throw unfit(linear, "it has no column order; quantize without act_order, or export as gptq");
    }
    if (linear.columns() % linear.groupSize() != 0) {
      throw unfit(linear, "groups must divide the " + linear.columns() + " columns");
    }
    if (linear.rows() % AwqLayout.PER_WORD != 0) {
      throw unfit(linear, "the " + linear.rows() + " rows must be a multiple of 8");
    }
    requireHalfScales(linear);
  }

  @Override
  public Written write(Linears model) {
    List<Entry> entries = model.quantized().stream().flatMap(l -> entries(l).stream()).toList();
    return new Written(config(model), entries, List.of());
  }

  private List<Entry> entries(StoredLinear linear) {
    int rows = linear.rows();
    int columns = linear.columns();
    int groups = linear.groups();
    long words = rows / AwqLayout.PER_WORD;
    DType scales = halfScales(linear);
    return List.of(
        LinearFormat.lazy(
            linear.module() + "." + AwqLayout.QWEIGHT,
            DType.I32,
            new long[] {columns, words},
            () -> words(linear.codes(), rows, columns)),
        LinearFormat.lazy(
            linear.module() + "." + AwqLayout.QZEROS,
            DType.I32,
            new long[] {groups, words},
            () -> words(Grids.narrow(linear.zeros()), rows, groups)),
        LinearFormat.lazy(
            linear.module() + "." + AwqLayout.SCALES,
            scales,
            new long[] {groups, rows},
            () ->
                DenseTensor.rounded(
                        Grids.transpose(linear.scales(), rows, groups), scales, groups, rows)
                    .data()));
  }

  /** {@code [rows, lines]} codes to {@code [lines, rows / 8]} words. */
  private static MemorySegment words(byte[] codes, int rows, int lines) {
    byte[] nibbles = AwqLayout.reorder(WordMatrix.transpose(codes, rows, lines), true);
    return MemorySegment.ofArray(WordMatrix.packRows(nibbles, lines, rows, AwqLayout.BITS));
  }

  private ObjectNode config(Linears model) {
    StoredLinear first = model.quantized().getFirst();
    for (StoredLinear linear : model.quantized()) {
      if (model.groupSize(linear) != model.groupSize(first)) {
        throw new NibbleException(
            linear.module()
                + " ("
                + linear.typeName()
                + ") and "
                + first.module()
                + " ("
                + first.typeName()
                + ") have different groups, but AWQ has one group size for a model; export as"
                + " compressed-tensors");
      }
      if (linear.module().equals(model.head())) {
        throw unfit(linear, "readers expect a plain head");
      }
    }
    int group = model.groupSize(first);
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("quant_method", AwqLayout.METHOD);
    json.put("version", "gemm");
    json.put("bits", AwqLayout.BITS);
    json.put("group_size", group == 0 ? -1 : group);
    json.put("zero_point", true);
    ArrayNode plain = json.putArray("modules_to_not_convert");
    model.plain().forEach(plain::add);
    return json;
  }
}
