package dev.nibble.io.model;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.safetensors.ShardedSafetensors;
import dev.nibble.io.safetensors.TensorSource;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A Hugging Face model directory under canonical names. Tensors are views of the mapped shards;
 * copies are made only of rows that are interleaved or transposed on disk (fused q/k/v of GPT-NeoX,
 * BLOOM and Falcon, the matrices of GPT-2), each time they are asked for.
 */
final class HuggingFaceModel implements ModelWeights {
  private final ShardedSafetensors source;
  private final ModelConfig config;
  private final TensorTable table;
  private final Map<String, TensorTable.Place> places;
  private final Map<String, long[]> shapes;
  private final WeightLayout.Reader layout;
  private final Map<String, SiteOps> siteOps;

  private HuggingFaceModel(JsonFields json, ShardedSafetensors source) {
    this.source = source;
    this.layout = WeightLayout.find(json, source);
    HfConfig read = HfConfig.read(json);
    if (read.config().layers() > source.names().size()) {
      throw new ModelFormatException(
          json.file(),
          "num_hidden_layers",
          read.config().layers()
              + " layers, but the weights are only "
              + source.names().size()
              + " tensors");
    }
    this.table = read.family().tensors().apply(read.config()).storedIn(source.names());
    this.config = read.withDtype(storedType(read));
    this.shapes = TensorLayout.all(config);
    this.places = table.places(config);
    shareStoredHead();
    places.forEach(this::check);
    this.siteOps = readSiteOps();
  }

  /**
   * Opens and checks a directory; every tensor of the architecture must be there in the right
   * shape.
   *
   * @throws ModelFormatException when a file is damaged or the model is of an unsupported kind
   */
  static HuggingFaceModel open(Path directory) {
    JsonFields json = HfConfig.file(directory);
    ShardedSafetensors source = ShardedSafetensors.open(directory);
    try {
      return new HuggingFaceModel(json, source);
    } catch (RuntimeException | Error e) {
      source.close();
      throw e;
    }
  }

  /** A tied embedding may be stored as the head only. */
  private void shareStoredHead() {
    String embedding = TensorNames.weight(TensorNames.EMBEDDING);
    TensorTable.Place place = places.get(embedding);
    String head = table.ends().get(TensorNames.HEAD);
    boolean headOnly =
        config.tiedHead()
            && !source.names().contains(sourceName(place))
            && source.names().contains(head + ".weight");
    if (headOnly) {
      places.put(embedding, new TensorTable.Place(head, place.suffix(), place.piece()));
    }
  }

  private Map<String, SiteOps> readSiteOps() {
    Map<String, SiteOps> out = new LinkedHashMap<>();
    places.forEach(
        (name, place) -> {
          if (quantized(place)) {
            String site = name.substring(0, name.lastIndexOf('.'));
            layout
                .inputQuant(sourceModule(place.module()))
                .ifPresent(q -> out.put(site, new SiteOps(List.of(), Optional.of(q))));
          }
        });
    return Collections.unmodifiableMap(out);
  }

  private String storedType(HfConfig read) {
    for (String module : List.of(TensorNames.EMBEDDING, TensorNames.HEAD)) {
      String name = sourceModule(table.ends().get(module)) + ".weight";
      if (source.names().contains(name)) {
        return switch (source.info(name).dtype()) {
          case F32 -> "float32";
          case F16 -> "float16";
          case BF16 -> "bfloat16";
          default -> read.config().dtype();
        };
      }
    }
    return read.config().dtype();
  }

  /** The module with the family's prefix, or without where the checkpoint has none. */
  private String sourceModule(String module) {
    String full = table.prefix() + module;
    return layout.stores(full) || hasAny(full) ? full : hasAny(module) ? module : full;
  }

  private boolean hasAny(String module) {
    return source.names().contains(module + ".weight")
        || source.names().contains(module + ".bias")
        || source.names().contains(module + ".gamma")
        || source.names().contains(module)
        || layout.stores(module);
  }

  /** Old checkpoints call gain and bias of a norm gamma and beta. */
  private String sourceName(TensorTable.Place place) {
    String module = sourceModule(place.module());
    String name = module + place.suffix();
    String old = module + (place.suffix().equals(".bias") ? ".beta" : ".gamma");
    return !source.names().contains(name) && source.names().contains(old) ? old : name;
  }

  private boolean quantized(TensorTable.Place place) {
    return place.suffix().equals(".weight") && layout.stores(sourceModule(place.module()));
  }

  private void check(String canonical, TensorTable.Place place) {
    long[] shape = shapes.get(canonical);
    if (quantized(place)) {
      String module = sourceModule(place.module());
      long[] expected = place.piece().transposed(false).sourceShape(shape);
      checkShape(source.files().getFirst(), module, layout.shape(module), expected);
      return;
    }
    String name = sourceName(place);
    TensorSource.Info info = source.info(name);
    checkShape(source.fileOf(name), name, info.shape(), place.sourceShape(shape));
    checkFloat(name, info.dtype());
  }

  private static void checkShape(Path file, String name, long[] found, long[] expected) {
    if (!Arrays.equals(found, expected)) {
      throw new ModelFormatException(
          file,
          name,
          "shape "
              + Arrays.toString(found)
              + " was found where config.json says "
              + Arrays.toString(expected));
    }
  }

  private void checkFloat(String name, DType dtype) {
    if (!dtype.isFloat()) {
      throw new ModelFormatException(
          source.fileOf(name), name, "element type " + dtype + " cannot be weights");
    }
  }

  /** The files of config and weights. */
  List<Path> weightFiles() {
    return source.files();
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(places.keySet());
  }

  @Override
  public PackedTensor tensor(String name) {
    TensorTable.Place place = places.get(name);
    if (place == null) {
      throw new ModelFormatException(
          source.files().getFirst(), JsonFields.shown(name), "the model has no such tensor");
    }
    long[] shape = shapes.get(name);
    if (quantized(place)) {
      PackedTensor weight = layout.weight(sourceModule(place.module()));
      return place.piece().ofPacked(weight, shape);
    }
    DenseTensor stored = place.piece().of(source.tensor(sourceName(place)), shape);
    float offset = table.offset(name, shape);
    return offset == 0 ? stored : Offset.added(stored, offset);
  }

  @Override
  public Map<String, SiteOps> siteOps() {
    return siteOps;
  }

  @Override
  public void close() {
    source.close();
  }
}
