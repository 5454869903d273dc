package dev.nibble.io.interop;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Writes the layout of {@link GptqLayout}. Modules that differ from most get a {@code dynamic}. */
final class GptqFormat implements LinearFormat {
  private static final Set<Integer> BITS = Set.of(2, 3, 4, 8);

  @Override
  public String name() {
    return "GPTQ";
  }

  @Override
  public void check(StoredLinear linear) {
    requirePlain(linear);
    if (!BITS.contains(linear.bits())) {
      throw unfit(linear, "it has 2, 3, 4 or 8 bits");
    }
    long rows = linear.rows();
    long columns = linear.columns();
    if (rows * linear.bits() % Integer.SIZE != 0 || columns * linear.bits() % Integer.SIZE != 0) {
      throw unfit(
          linear, rows + " x " + columns + " codes do not fill whole 32-bit words on both sides");
    }
    requireHalfScales(linear);
  }

  private record Rule(int bits, int groupSize, boolean symmetric) {
    static Rule of(StoredLinear linear, Linears model) {
      int group = model.groupSize(linear);
      return new Rule(linear.bits(), group == 0 ? -1 : group, linear.symmetric());
    }

    void putInto(ObjectNode json) {
      json.put("bits", bits).put("group_size", groupSize).put("sym", symmetric);
    }
  }

  /** Format 1 stores zero-points minus 1, so it has no zero-point 0. */
  private static boolean needsV2(Linears model) {
    return model.quantized().stream()
        .filter(l -> !l.symmetric())
        .anyMatch(l -> Arrays.stream(l.zeros()).anyMatch(z -> z == 0));
  }

  @Override
  public Written write(Linears model) {
    boolean v2 = needsV2(model);
    ObjectNode config = config(model, v2);
    List<String> notes = new ArrayList<>();
    if (v2) {
      notes.add(
          "zero-points of 0 need checkpoint_format gptq_v2, which readers older than 2024 lack");
    }
    if (config.has("dynamic")) {
      notes.add(
          "modules differ from each other; readers need support for 'dynamic' (GPTQModel, vLLM)");
    }
    List<Entry> entries =
        model.quantized().stream().flatMap(l -> entries(l, v2 ? 0 : 1).stream()).toList();
    return new Written(config, entries, notes);
  }

  /**
   * @param less what stored zero-points lack
   */
  private List<Entry> entries(StoredLinear linear, int less) {
    int rows = linear.rows();
    int columns = linear.columns();
    int bits = linear.bits();
    int groups = linear.groups();
    List<Entry> out = new ArrayList<>();
    out.add(
        LinearFormat.lazy(
            linear.module() + "." + GptqLayout.QWEIGHT,
            DType.I32,
            new long[] {WordMatrix.words(columns, bits), rows},
            () ->
                MemorySegment.ofArray(
                    WordMatrix.packColumns(linear.codes(), rows, columns, bits))));
    out.add(
        LinearFormat.lazy(
            linear.module() + "." + GptqLayout.QZEROS,
            DType.I32,
            new long[] {groups, WordMatrix.words(rows, bits)},
            () -> zeros(linear, less)));
    DType scales = halfScales(linear);
    out.add(
        LinearFormat.lazy(
            linear.module() + "." + GptqLayout.SCALES,
            scales,
            new long[] {groups, rows},
            () ->
                DenseTensor.rounded(
                        Grids.transpose(linear.scales(), rows, groups), scales, groups, rows)
                    .data()));
    out.add(
        LinearFormat.lazy(
            linear.module() + "." + GptqLayout.G_IDX,
            DType.I32,
            new long[] {columns},
            () -> Grids.words(linear.groupIndex())));
    return out;
  }

  private static MemorySegment zeros(StoredLinear linear, int less) {
    int[] zeros = linear.zeros();
    for (int i = 0; i < zeros.length; i++) {
      zeros[i] -= less;
    }
    byte[] byGroup = WordMatrix.transpose(Grids.narrow(zeros), linear.rows(), linear.groups());
    return MemorySegment.ofArray(
        WordMatrix.packRows(byGroup, linear.groups(), linear.rows(), linear.bits()));
  }

  private static ObjectNode config(Linears model, boolean v2) {
    Rule base = commonest(model);
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("quant_method", GptqLayout.METHOD);
    base.putInto(json);
    json.put("desc_act", model.quantized().stream().anyMatch(StoredLinear::reordered));
    json.put("lm_head", model.quantized().stream().anyMatch(l -> l.module().equals(model.head())));
    json.put("checkpoint_format", v2 ? GptqLayout.V2 : GptqLayout.METHOD);
    json.put("pack_dtype", "int32");
    ObjectNode dynamic = JsonNodeFactory.instance.objectNode();
    for (String module : model.plain()) {
      if (!module.equals(model.head())) {
        dynamic.putObject("-:" + expression(module));
      }
    }
    for (StoredLinear linear : model.quantized()) {
      Rule rule = Rule.of(linear, model);
      if (!rule.equals(base)) {
        rule.putInto(dynamic.putObject("+:" + expression(linear.module())));
      }
    }
    if (!dynamic.isEmpty()) {
      json.set("dynamic", dynamic);
    }
    return json;
  }

  private static Rule commonest(Linears model) {
    Map<Rule, Integer> counts = new LinkedHashMap<>();
    model.quantized().forEach(l -> counts.merge(Rule.of(l, model), 1, Integer::sum));
    return counts.entrySet().stream()
        .max(Comparator.comparingInt(Map.Entry::getValue))
        .orElseThrow()
        .getKey();
  }

  private static String expression(String module) {
    return "^" + module.replace(".", "\\.") + "$";
  }
}
