package dev.nibble.io.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.spec.ScaleFormat;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TableTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import dev.nibble.io.safetensors.DataSource;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Packed tensors in a safetensors file. A dense tensor is stored plainly under its name. Any other
 * is stored as component tensors, and described in the header's {@code __metadata__} under {@value
 * #METADATA}: a JSON object, tensor name to descriptor. {@code rows} and {@code columns} are those
 * of {@link PackedTensor}; the bytes of each component are specified by the class of the tensor.
 *
 * <pre>
 * affine {@link AffineTensor}
 *   { "type": "affine", "shape": [..], "bits": 1..8, "group_size": 0.., "scale": "fp16" }
 *   NAME.codes        U8  [rows, row bytes]         row bytes = ceil(columns * bits / 32) * 4
 *   NAME.scales       F32|F16|BF16|U8|F8_E4M3 [n]   n = rows * groups, or 1 when group_size is 0
 *   NAME.zeros        U8  [ceil(n * bits / 32) * 4]  only for asymmetric tensors
 *   NAME.group_index  I32 [columns]                  only when columns are not grouped in order
 *
 * table {@link TableTensor}
 *   { "type": "table", "shape": [..], "name": "nf4", "bits": 1..8, "group_size": 1.., "scale": "fp16" }
 *   NAME.codes, NAME.scales as above
 *   NAME.levels       F32 [2^bits]
 *
 * ggml {@link GgmlTensor}
 *   { "type": "ggml", "shape": [..], "block": "q4_k" }
 *   NAME.data         U8  [rows, row bytes]
 * </pre>
 */
public final class PackedFile {
  /** Key of the descriptors in {@code __metadata__}. */
  public static final String METADATA = "nibble.tensors";

  private PackedFile() {}

  /** The entries to write for the tensors, in map order; components are views, not copies. */
  public static List<Entry> entries(Map<String, PackedTensor> tensors) {
    List<Entry> out = new ArrayList<>();
    tensors.forEach((name, tensor) -> addEntries(out, name, tensor));
    return out;
  }

  private static void addEntries(List<Entry> out, String name, PackedTensor tensor) {
    long rows = tensor.rows();
    switch (tensor) {
      case DenseTensor t -> out.add(Entry.of(name, t));
      case AffineTensor t -> {
        out.add(bytes(name + ".codes", t.codes(), rows));
        out.add(scales(name, t.scaleFormat(), t.scales()));
        if (t.zeros() != null) {
          out.add(bytes(name + ".zeros", t.zeros(), 0));
        }
        if (t.groupIndex() != null) {
          out.add(entry(name + ".group_index", DType.I32, t.groupIndex()));
        }
      }
      case TableTensor t -> {
        out.add(bytes(name + ".codes", t.codes(), rows));
        out.add(scales(name, t.scaleFormat(), t.scales()));
        out.add(Entry.of(name + ".levels", DenseTensor.of(t.levels(), t.levels().length)));
      }
      case GgmlTensor t -> out.add(bytes(name + ".data", t.data(), rows));
    }
  }

  private static Entry bytes(String name, MemorySegment data, long rows) {
    long size = data.byteSize();
    long[] shape = rows > 0 ? new long[] {rows, size / rows} : new long[] {size};
    return new Entry(name, DType.U8, shape, DataSource.of(data));
  }

  private static Entry scales(String name, ScaleFormat format, MemorySegment data) {
    return entry(name + ".scales", elementType(format), data);
  }

  private static Entry entry(String name, DType type, MemorySegment data) {
    return new Entry(name, type, new long[] {data.byteSize() / type.bytes()}, DataSource.of(data));
  }

  private static DType elementType(ScaleFormat format) {
    return switch (format) {
      case FP32 -> DType.F32;
      case FP16 -> DType.F16;
      case BF16 -> DType.BF16;
      case E8M0 -> DType.U8;
      case E4M3 -> DType.F8_E4M3;
    };
  }

  /** The header texts that describe the tensors; empty when all are dense. */
  public static Map<String, String> metadata(Map<String, PackedTensor> tensors) {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    new TreeMap<>(tensors)
        .forEach(
            (name, tensor) -> {
              ObjectNode descriptor = descriptor(tensor);
              if (descriptor != null) {
                all.set(name, descriptor);
              }
            });
    return all.isEmpty() ? Map.of() : Map.of(METADATA, StrictJson.compact(all));
  }

  private static ObjectNode descriptor(PackedTensor tensor) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    switch (tensor) {
      case DenseTensor t -> {
        return null;
      }
      case AffineTensor t ->
          out.put("type", "affine")
              .put("bits", t.bits())
              .put("group_size", t.groupSize())
              .put("scale", lower(t.scaleFormat()));
      case TableTensor t ->
          out.put("type", "table")
              .put("name", t.name())
              .put("bits", t.bits())
              .put("group_size", t.groupSize())
              .put("scale", lower(t.scaleFormat()));
      case GgmlTensor t -> out.put("type", "ggml").put("block", lower(t.type()));
    }
    ArrayNode shape = out.putArray("shape");
    for (long d : tensor.shape()) {
      shape.add(d);
    }
    return out;
  }

  private static String lower(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  /**
   * All packed tensors of a file by name, views of the mapping.
   *
   * @throws ModelFormatException when a descriptor or a component is missing, damaged or of the
   *     wrong size
   */
  public static Map<String, PackedTensor> readAll(SafetensorsFile file) {
    Map<String, PackedTensor> out = new LinkedHashMap<>();
    JsonFields descriptors = descriptors(file);
    List<String> packed = descriptors == null ? List.of() : descriptors.keys();
    Set<String> components = new java.util.HashSet<>();
    for (String name : packed) {
      Reader reader = new Reader(file, name, descriptors.object(name));
      out.put(name, reader.read());
      components.addAll(reader.used);
    }
    for (String name : file.names()) {
      if (!components.contains(name) && out.putIfAbsent(name, file.tensor(name)) != null) {
        throw new ModelFormatException(
            file.path(), JsonFields.shown(name), "is both a plain and a packed tensor");
      }
    }
    return out;
  }

  private static JsonFields descriptors(SafetensorsFile file) {
    String text = file.metadata().get(METADATA);
    return text == null
        ? null
        : StrictJson.object(file.path(), METADATA, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Reads one packed tensor, noting which components it consists of. */
  private static final class Reader {
    private final SafetensorsFile file;
    private final String name;
    private final JsonFields descriptor;
    private final List<String> used = new ArrayList<>();
    private final long[] shape;
    private final long rows;
    private final int columns;

    Reader(SafetensorsFile file, String name, JsonFields descriptor) {
      this.file = file;
      this.name = name;
      this.descriptor = descriptor;
      List<Integer> dimensions = descriptor.integers("shape", 1, Integer.MAX_VALUE);
      if (dimensions.isEmpty() || dimensions.size() > 8) {
        throw descriptor.problem("shape", "must have 1 to 8 dimensions");
      }
      this.shape = dimensions.stream().mapToLong(Integer::longValue).toArray();
      this.columns = dimensions.getLast();
      long product = 1;
      for (int i = 0; i < shape.length - 1; i++) {
        product *= shape[i];
        if (product > Integer.MAX_VALUE) {
          throw descriptor.problem("shape", Arrays.toString(shape) + " has more than 2^31 rows");
        }
      }
      this.rows = product;
    }

    PackedTensor read() {
      String type = descriptor.string("type");
      return switch (type) {
        case "affine" -> affine();
        case "table" -> table();
        case "ggml" -> ggml();
        default ->
            throw descriptor.problem(
                "type",
                "'"
                    + JsonFields.shown(type)
                    + "' is not known; the artefact was made by a newer version of Nibble");
      };
    }

    private AffineTensor affine() {
      int bits = descriptor.integer("bits", 1, 8);
      int groupSize = descriptor.integer("group_size", 0, Integer.MAX_VALUE);
      int groups = groupSize == 0 ? 1 : Math.ceilDiv(columns, groupSize);
      long scales = groupSize == 0 ? 1 : rows * groups;
      ScaleFormat format = descriptor.constant("scale", ScaleFormat.class);
      MemorySegment codes = component("codes", DType.U8, codeBytes(bits));
      MemorySegment scaleData = component("scales", elementType(format), scales);
      MemorySegment zeros =
          has("zeros") ? component("zeros", DType.U8, (scales * bits + 31) / 32 * 4) : null;
      MemorySegment index =
          has("group_index") ? component("group_index", DType.I32, columns) : null;
      if (index != null) {
        checkGroups(index, groups);
      }
      return new AffineTensor(shape, bits, groupSize, format, codes, scaleData, zeros, index);
    }

    private long codeBytes(int bits) {
      return rows * AffineTensor.rowStride(columns, bits);
    }

    private void checkGroups(MemorySegment index, int groups) {
      for (int c = 0; c < columns; c++) {
        float group = DType.I32.get(index, c);
        if (group < 0 || group >= groups) {
          throw new ModelFormatException(
              file.path(),
              JsonFields.shown(name + ".group_index"),
              "column " + c + " names group " + (long) group + " of " + groups);
        }
      }
    }

    private TableTensor table() {
      int bits = descriptor.integer("bits", 1, 8);
      int groupSize = descriptor.integer("group_size", 1, Integer.MAX_VALUE);
      ScaleFormat format = descriptor.constant("scale", ScaleFormat.class);
      MemorySegment codes = component("codes", DType.U8, codeBytes(bits));
      long scales = rows * Math.ceilDiv(columns, groupSize);
      MemorySegment scaleData = component("scales", elementType(format), scales);
      component("levels", DType.F32, 1L << bits);
      float[] levels = file.tensor(name + ".levels").toFloats();
      String table = descriptor.string("name");
      return new TableTensor(shape, table, levels, bits, groupSize, format, codes, scaleData);
    }

    private GgmlTensor ggml() {
      GgmlType type = descriptor.constant("block", GgmlType.class);
      if (columns % type.blockElements() != 0) {
        throw descriptor.problem(
            "block", "rows of " + columns + " elements are not whole blocks of " + type);
      }
      return new GgmlTensor(
          shape, type, component("data", DType.U8, rows * type.rowBytes(columns)));
    }

    private boolean has(String component) {
      return file.names().contains(name + "." + component);
    }

    private MemorySegment component(String component, DType type, long elements) {
      String full = name + "." + component;
      DenseTensor tensor = file.tensor(full);
      if (tensor.dtype() != type || tensor.elements() != elements) {
        throw new ModelFormatException(
            file.path(),
            JsonFields.shown(full),
            "has "
                + tensor.elements()
                + " elements of "
                + tensor.dtype()
                + " where its descriptor asks for "
                + elements
                + " of "
                + type);
      }
      used.add(full);
      return tensor.data();
    }
  }
}
