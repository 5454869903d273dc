package dev.nibble.io.interop;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.op.ActivationQuant;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Writes the layouts of {@link CompressedTensorsLayout}: packed words for weights alone, bytes
 * where the inputs are quantized too. Linears that are alike form a config group.
 */
final class CompressedFormat implements LinearFormat {
  private static final String PACK = "pack-quantized";
  private static final String INT = "int-quantized";

  @Override
  public String name() {
    return "compressed-tensors";
  }

  @Override
  public void check(StoredLinear linear) {
    if (!linear.ops().withoutTransforms()) {
      throw unfit(linear, "the layer runs a transform too; export in the nibble format");
    }
    linear.ops().inputQuant().ifPresent(q -> checkInput(linear, q));
    if (linear.bits() < 2) {
      throw unfit(linear, "it has 2 to 8 bits");
    }
    if (linear.columns() % linear.groupSize() != 0) {
      throw unfit(linear, "groups must divide the " + linear.columns() + " columns");
    }
  }

  private void checkInput(StoredLinear linear, ActivationQuant quant) {
    if (quant.granularity() != ActivationQuant.Granularity.TOKEN || quant.isStatic()) {
      throw unfit(linear, "inputs are quantized per token with scales made at run time only");
    }
    if (quant.clipRatio() != 1f) {
      throw unfit(linear, "inputs cannot be clipped (" + quant.clipRatio() + ")");
    }
    if (linear.reordered()) {
      throw unfit(linear, "column orders go with plain inputs only");
    }
  }

  /** What linears of one config group share. */
  private record Scheme(
      int bits,
      boolean symmetric,
      int groupSize,
      boolean reordered,
      Optional<ActivationQuant> input) {

    static Scheme of(StoredLinear linear, Linears model) {
      return new Scheme(
          linear.bits(),
          linear.symmetric(),
          model.groupSize(linear),
          linear.reordered(),
          linear.ops().inputQuant());
    }

    String format() {
      return input.isPresent() ? INT : PACK;
    }

    ObjectNode json() {
      ObjectNode out = JsonNodeFactory.instance.objectNode();
      ObjectNode weights = args(out.putObject("weights"), bits, symmetric);
      weights.put("strategy", groupSize > 0 ? "group" : "channel").put("dynamic", false);
      if (groupSize > 0) {
        weights.put("group_size", groupSize);
      }
      if (reordered) {
        weights.put("actorder", "group");
      }
      out.putNull("output_activations");
      if (input.isEmpty()) {
        out.putNull("input_activations");
      }
      input.ifPresent(
          q ->
              args(out.putObject("input_activations"), q.bits(), q.symmetric())
                  .put("strategy", "token")
                  .put("dynamic", true));
      return out;
    }

    private static ObjectNode args(ObjectNode out, int bits, boolean symmetric) {
      return out.put("num_bits", bits).put("type", "int").put("symmetric", symmetric);
    }
  }

  @Override
  public Written write(Linears model) {
    Map<Scheme, List<String>> schemes = new LinkedHashMap<>();
    List<Entry> entries = new ArrayList<>();
    for (StoredLinear linear : model.quantized()) {
      Scheme scheme = Scheme.of(linear, model);
      schemes.computeIfAbsent(scheme, s -> new ArrayList<>()).add(linear.module());
      entries.addAll(entries(linear, scheme));
    }
    List<String> notes = new ArrayList<>();
    if (schemes.keySet().stream().anyMatch(s -> s.bits() != 4 && s.bits() != 8)) {
      notes.add("vLLM runs 4 and 8 bits of compressed-tensors only; other widths can be read");
    }
    return new Written(config(model, schemes), entries, notes);
  }

  private static ObjectNode config(Linears model, Map<Scheme, List<String>> schemes) {
    List<String> formats = schemes.keySet().stream().map(Scheme::format).distinct().toList();
    boolean mixed = formats.size() > 1;
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("quant_method", CompressedTensorsLayout.METHOD);
    json.put("format", mixed ? "mixed-precision" : formats.getFirst());
    json.put("quantization_status", "compressed");
    json.putNull("kv_cache_scheme");
    json.putNull("global_compression_ratio");
    ObjectNode groups = json.putObject("config_groups");
    schemes.forEach(
        (scheme, modules) -> {
          ObjectNode group = groups.putObject("group_" + groups.size());
          group.setAll(scheme.json());
          if (mixed) {
            group.put("format", scheme.format());
          }
          ArrayNode targets = group.putArray("targets");
          if (schemes.size() == 1) {
            targets.add("Linear");
          } else {
            modules.forEach(targets::add);
          }
        });
    ArrayNode ignore = json.putArray("ignore");
    model.plain().forEach(ignore::add);
    return json;
  }

  private List<Entry> entries(StoredLinear linear, Scheme scheme) {
    List<Entry> out = new ArrayList<>();
    if (scheme.format().equals(PACK)) {
      addPacked(out, linear);
    } else {
      addBytes(out, linear);
    }
    int rows = linear.rows();
    int groups = linear.groups();
    DType scales = scaleType(linear);
    out.add(
        LinearFormat.lazy(
            linear.module() + "." + CompressedTensorsLayout.SCALE,
            scales,
            new long[] {rows, groups},
            () -> DenseTensor.rounded(linear.scales(), scales, rows, groups).data()));
    if (linear.reordered()) {
      out.add(
          LinearFormat.lazy(
              linear.module() + "." + CompressedTensorsLayout.G_IDX,
              DType.I32,
              new long[] {linear.columns()},
              () -> Grids.words(linear.groupIndex())));
    }
    return out;
  }

  private static DType scaleType(StoredLinear linear) {
    return switch (linear.scaleFormat()) {
      case FP16 -> DType.F16;
      case BF16 -> DType.BF16;
      case FP32 -> DType.F32;
      case E8M0, E4M3 -> linear.scaleBeyond(ScaleFormat.FP16).isEmpty() ? DType.F16 : DType.F32;
    };
  }

  private static void addPacked(List<Entry> out, StoredLinear linear) {
    int rows = linear.rows();
    int columns = linear.columns();
    int bits = linear.bits();
    int groups = linear.groups();
    String module = linear.module() + ".";
    out.add(
        LinearFormat.lazy(
            module + CompressedTensorsLayout.PACKED,
            DType.I32,
            new long[] {rows, WordMatrix.words(columns, bits)},
            () -> MemorySegment.ofArray(WordMatrix.packRows(linear.codes(), rows, columns, bits))));
    out.add(
        LinearFormat.lazy(
            module + CompressedTensorsLayout.SHAPE,
            DType.I64,
            new long[] {2},
            () -> Grids.words(new int[] {rows, 0, columns, 0})));
    if (!linear.symmetric()) {
      out.add(
          LinearFormat.lazy(
              module + CompressedTensorsLayout.ZERO,
              DType.I32,
              new long[] {WordMatrix.words(rows, bits), groups},
              () -> {
                byte[] zeros = WordMatrix.transpose(Grids.narrow(linear.zeros()), rows, groups);
                return MemorySegment.ofArray(WordMatrix.packColumns(zeros, groups, rows, bits));
              }));
    }
  }

  private static void addBytes(List<Entry> out, StoredLinear linear) {
    int middle = 1 << (linear.bits() - 1);
    String module = linear.module() + ".";
    out.add(
        LinearFormat.lazy(
            module + CompressedTensorsLayout.WEIGHT,
            DType.I8,
            new long[] {linear.rows(), linear.columns()},
            () -> centred(linear.codes(), middle)));
    if (!linear.symmetric()) {
      out.add(
          LinearFormat.lazy(
              module + CompressedTensorsLayout.ZERO,
              DType.I8,
              new long[] {linear.rows(), linear.groups()},
              () -> centred(Grids.narrow(linear.zeros()), middle)));
    }
  }

  /** Unsigned codes moved down by the middle one, in place. */
  private static MemorySegment centred(byte[] codes, int middle) {
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (byte) ((codes[i] & 0xff) - middle);
    }
    return MemorySegment.ofArray(codes);
  }
}
