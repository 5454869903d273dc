package dev.nibble.io.gguf;

import dev.nibble.core.NibbleException;
import dev.nibble.core.ggml.GgmlEncoder;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.AffineTensor;
import dev.nibble.core.tensor.BandedTensor;
import dev.nibble.core.tensor.BilevelTensor;
import dev.nibble.core.tensor.BinaryTensor;
import dev.nibble.core.tensor.CodebookTensor;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.OutlierTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TableTensor;
import dev.nibble.core.tensor.TiledTensor;
import dev.nibble.core.work.Workers;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;

/**
 * Writes a decoder as a GGUF file: as it is stored, or quantized with a {@link GgufMix}. What GGUF
 * readers cannot run (online transforms, activation quantizers, unknown families, layouts that no
 * block type holds exactly) is refused by name, never dropped or rounded unasked.
 */
public final class GgufExport {
  private static final int QUANTIZATION_VERSION = 2;

  private final ModelWeights model;
  private final GgufExportOptions options;
  private final GgufFamily family;
  private final ModelConfig config;
  private final List<GgufLayout.Entry> layout;
  private final List<String> notes = new ArrayList<>();

  private GgufExport(ModelWeights model, GgufExportOptions options) {
    this.model = model;
    this.options = options;
    this.config = model.config();
    model
        .siteOps()
        .forEach(
            (site, ops) -> {
              if (!ops.isPlain()) {
                String part = ops.inputQuant().isPresent() ? "activation quantizer" : "transform";
                throw new NibbleException(
                    "GGUF cannot carry the run-time "
                        + part
                        + " at "
                        + site
                        + "; export in the nibble format, or leave that step out of the recipe");
              }
            });
    this.family = GgufConfigWriter.family(config);
    this.layout = GgufLayout.of(family, config);
    if (options.mix().isPresent()
        && options.mix().get().needsImportance()
        && options.importance().isEmpty()) {
      throw new NibbleException(
          "the mix "
              + options.mix().get()
              + " needs an importance matrix; give one, or choose Q2_K");
    }
  }

  /**
   * A tensor as it will be written.
   *
   * @param name GGUF name
   * @param shape slowest axis first
   * @param type stored type
   * @param byteSize bytes without padding
   */
  public record Planned(String name, long[] shape, GgmlType type, long byteSize) {}

  /**
   * What {@link #write} would write, without reading any values.
   *
   * @throws NibbleException when the model or an option cannot be exported
   */
  public static List<Planned> plan(ModelWeights model, GgufExportOptions options) {
    GgufExport export = new GgufExport(model, options);
    try (Workers one = new Workers(1)) {
      return export.tensors(one, export.describe()).stream()
          .map(t -> new Planned(t.name(), t.shape(), t.type(), t.byteSize()))
          .toList();
    }
  }

  /**
   * Writes {@code target} atomically.
   *
   * @param tokenizer metadata of the tokenizer and chat template, see {@link GgufTokenizer}
   * @throws NibbleException when the model, an option or a value cannot be exported, or the file
   *     cannot be written
   */
  public static void write(
      ModelWeights model,
      Map<String, GgufValue> tokenizer,
      GgufExportOptions options,
      Path target,
      Progress progress) {
    GgufExport export = new GgufExport(model, options);
    GgufConfigWriter.Description description = export.describe();
    try (Workers workers = new Workers(options.threads())) {
      List<GgufWriter.Tensor> tensors = export.tensors(workers, description);
      export.notes.forEach(progress::note);
      SequencedMap<String, GgufValue> metadata = new LinkedHashMap<>();
      metadata.put("general.architecture", GgufValue.of(export.family.architecture()));
      metadata.put("general.type", GgufValue.of("model"));
      metadata.put("general.quantization_version", GgufValue.u32(QUANTIZATION_VERSION));
      metadata.put("general.file_type", GgufValue.u32(export.fileType(tensors)));
      metadata.putAll(description.keys());
      metadata.putAll(tokenizer);
      metadata.putAll(options.metadata());
      GgufWriter.write(target, metadata, tensors, progress);
    }
  }

  private GgufConfigWriter.Description describe() {
    return GgufConfigWriter.describe(family, config);
  }

  /** The mix's number, or that of the first mix with the type that takes most space. */
  private int fileType(List<GgufWriter.Tensor> tensors) {
    if (options.mix().isPresent()) {
      return options.mix().get().fileType();
    }
    GgmlType main =
        tensors.stream()
            .max(Comparator.comparingLong(GgufWriter.Tensor::byteSize))
            .map(GgufWriter.Tensor::type)
            .orElse(GgmlType.F32);
    return Arrays.stream(GgufMix.values())
        .filter(m -> m.base() == main)
        .findFirst()
        .map(GgufMix::fileType)
        .orElse(GgufMix.F16.fileType());
  }

  private List<GgufWriter.Tensor> tensors(
      Workers workers, GgufConfigWriter.Description description) {
    List<GgufWriter.Tensor> tensors = new ArrayList<>();
    description
        .ropeTensors()
        .forEach(
            (name, values) ->
                tensors.add(
                    new GgufWriter.Tensor(
                        name,
                        new long[] {values.length},
                        GgmlType.F32,
                        (from, to) ->
                            MemorySegment.ofArray(
                                GgmlEncoder.encode(
                                    GgmlType.F32, values, 0, 1, values.length, null, name)))));
    for (GgufLayout.Entry entry : layout) {
      tensors.add(tensor(entry, workers));
    }
    return tensors;
  }

  private GgufWriter.Tensor tensor(GgufLayout.Entry entry, Workers workers) {
    List<PackedTensor> parts = entry.parts().stream().map(p -> model.tensor(p.name())).toList();
    for (int i = 0; i < parts.size(); i++) {
      checkShape(entry, entry.parts().get(i), parts.get(i));
    }
    GgmlType type = type(entry, parts);
    EntryRows.Conversion conversion = conversion(entry, parts, type);
    float[] importance = options.importance().get(entry.name());
    EntryRows rows =
        new EntryRows(entry, parts, type, conversion, config.headDim(), importance, workers);
    return new GgufWriter.Tensor(entry.name(), entry.shape(), type, rows);
  }

  private static void checkShape(
      GgufLayout.Entry entry, GgufLayout.Part part, PackedTensor tensor) {
    boolean vector = entry.shape().length == 1;
    long[] expected = vector ? new long[] {part.rows()} : new long[] {part.rows(), entry.columns()};
    boolean fits =
        vector
            ? tensor.elements() == part.rows() // the shared expert's gate is a matrix of one row
            : Arrays.equals(tensor.shape(), expected);
    if (!fits) {
      throw new NibbleException(
          part.name()
              + " has shape "
              + Arrays.toString(tensor.shape())
              + ", but the model's configuration asks for "
              + Arrays.toString(expected));
    }
  }

  private GgmlType type(GgufLayout.Entry entry, List<PackedTensor> parts) {
    String name = entry.name();
    // The reference readers want vectors, position tables and routers in full precision.
    if (entry.shape().length == 1
        || name.equals("position_embd.weight")
        || name.endsWith("." + GgufLayout.ROUTER + ".weight")) {
      return GgmlType.F32;
    }
    GgmlType wanted =
        options.tensorTypes().entrySet().stream()
            .filter(e -> name.contains(e.getKey()))
            .max(
                Comparator.<Map.Entry<String, GgmlType>>comparingInt(e -> e.getKey().length())
                    .thenComparing(Map.Entry::getKey))
            .map(Map.Entry::getValue)
            .orElse(null);
    if (wanted == null) {
      wanted =
          options.mix().isEmpty() ? storedType(name, parts) : mixType(options.mix().get(), name);
    }
    long columns = entry.columns();
    GgmlType type = GgufMix.fitting(wanted, columns);
    if (type != wanted) {
      notes.add(
          name
              + ": rows of "
              + columns
              + " do not fit "
              + wanted
              + " blocks, "
              + type
              + " is used");
    }
    return type;
  }

  private GgmlType mixType(GgufMix mix, String name) {
    if (name.equals("output.weight") || (name.equals("token_embd.weight") && config.tiedHead())) {
      return options.pure() ? mix.base() : mix.headType();
    }
    if (options.pure()) {
      return mix.base();
    }
    if (name.equals("token_embd.weight")) {
      return mix.embeddingType();
    }
    String[] path = name.split("\\.");
    GgufMix.Place place =
        new GgufMix.Place(
            Integer.parseInt(path[1]),
            config.layers(),
            config.heads() / config.kvHeads(),
            !options.importance().isEmpty());
    // experts follow the rules of the matrix that they stand for
    return mix.typeOf(path[2].replaceFirst("_(exps|shexp)$", ""), place);
  }

  /** The type that holds all parts without change. */
  private GgmlType storedType(String name, List<PackedTensor> parts) {
    List<GgmlType> types = parts.stream().map(p -> storedType(name, p)).distinct().toList();
    if (types.size() == 1) {
      return types.getFirst();
    }
    if (types.stream().noneMatch(GgmlType::isQuantized)) {
      return GgmlType.F32;
    }
    throw new NibbleException(
        name
            + " is one tensor in GGUF, but its parts are stored as "
            + types
            + "; quantize these parts alike, or export with a mix");
  }

  private static GgmlType storedType(String name, PackedTensor tensor) {
    return switch (tensor) {
      case GgmlTensor ggml -> ggml.type();
      case DenseTensor dense ->
          switch (dense.dtype()) {
            case F32 -> GgmlType.F32;
            case F16 -> GgmlType.F16;
            case BF16 -> GgmlType.BF16;
            default -> throw notExact(name, tensor);
          };
      case AffineTensor affine ->
          ExactBlocks.typeFor(affine).orElseThrow(() -> notExact(name, tensor));
      case TableTensor table -> throw notExact(name, table);
      case BandedTensor banded -> throw notExact(name, banded);
      case CodebookTensor codebook -> throw notExact(name, codebook);
      case BinaryTensor binary -> throw notExact(name, binary);
      case BilevelTensor bilevel -> throw notExact(name, bilevel);
      case OutlierTensor outliers -> throw notExact(name, outliers);
      case TiledTensor tiled -> throw notExact(name, tiled);
    };
  }

  private static NibbleException notExact(String name, PackedTensor tensor) {
    return new NibbleException(
        name
            + " is stored as "
            + tensor.typeName()
            + ", which no GGUF type holds exactly; export with a mix, or in the nibble format");
  }

  private EntryRows.Conversion conversion(
      GgufLayout.Entry entry, List<PackedTensor> parts, GgmlType type) {
    if (entry.shape().length == 1) {
      return EntryRows.Conversion.ENCODE;
    }
    if (parts.stream().allMatch(p -> isStoredAs(p, type))) {
      return EntryRows.Conversion.COPY;
    }
    if (options.mix().isEmpty() && parts.stream().allMatch(AffineTensor.class::isInstance)) {
      return EntryRows.Conversion.REPACK;
    }
    if (type == GgmlType.F32) {
      return EntryRows.Conversion.ENCODE; // holds the values of any other type
    }
    for (PackedTensor part : parts) {
      if (!(part instanceof DenseTensor) && !options.allowRequantize()) {
        throw new NibbleException(
            entry.name()
                + " is already quantized ("
                + part.typeName()
                + "); writing it as "
                + type
                + " would round it twice. Start from the original model, export it as stored, or"
                + " allow requantization");
      }
    }
    if (!GgmlEncoder.supports(type)) {
      throw new NibbleException(
          entry.name()
              + ": "
              + type
              + " can be read but not written; choose one of "
              + GgmlEncoder.types().stream().sorted().map(Objects::toString).toList());
    }
    return EntryRows.Conversion.ENCODE;
  }

  private static boolean isStoredAs(PackedTensor tensor, GgmlType type) {
    return switch (tensor) {
      case GgmlTensor ggml -> ggml.type() == type;
      case DenseTensor dense -> dense.dtype().name().equals(type.name());
      default -> false;
    };
  }
}
