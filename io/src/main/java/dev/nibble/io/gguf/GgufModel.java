package dev.nibble.io.gguf;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.ggml.GgmlType;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.GgmlTensor;
import dev.nibble.core.tensor.PackedTensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A decoder read from a GGUF file under canonical names: fused q/k/v split, q and k rows of Llama
 * files put back into half-split rotary order, stacked experts taken apart. Tensors are views of
 * the mapped file, except those re-ordered ones, which are copied to the heap each time they are
 * asked for. Plain numbers come as {@link DenseTensor}, blocks as {@link GgmlTensor}.
 */
public final class GgufModel implements ModelWeights {

  /** Where a canonical tensor lies: rows {@code [fromRow, fromRow + part.rows)} of a tensor. */
  private record Place(
      GgufTensorInfo info, GgufLayout.Entry entry, long fromRow, GgufLayout.Part part) {}

  private final GgufFile file;
  private final ModelConfig config;
  private final Map<String, Place> places = new LinkedHashMap<>();
  private final Map<String, long[]> shapes;

  private GgufModel(GgufFile file) {
    this.file = file;
    if (file.metadata().get("split.count") instanceof Number parts && parts.longValue() > 1) {
      throw new ModelFormatException(
          file.path(),
          "split.count",
          "is one of " + parts + " parts of a model; merge them into one file first");
    }
    GgufFamily family = GgufConfig.family(file);
    this.config = GgufConfig.read(file, family);
    if (config.layers() > file.tensors().size()) {
      throw new ModelFormatException(
          file.path(), family.architecture() + ".block_count", "more layers than tensors");
    }
    if (family.rotaryPairs() && config.headDim() % 2 != 0) {
      throw new ModelFormatException(
          file.path(), "head width", config.headDim() + " is odd, but rotary heads are even");
    }
    this.shapes = TensorLayout.all(config);
    for (GgufLayout.Entry entry : GgufLayout.of(family, config)) {
      place(entry);
    }
  }

  /**
   * Opens and checks a file; every tensor of the architecture must be there in the right shape.
   *
   * @throws ModelFormatException when the file is damaged or of an unsupported kind
   */
  public static GgufModel open(Path path) {
    GgufFile file = GgufFile.open(path);
    try {
      return new GgufModel(file);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private void place(GgufLayout.Entry entry) {
    GgufTensorInfo info = file.tensors().get(entry.name());
    if (info == null) {
      throw new ModelFormatException(
          file.path(), entry.name(), "the tensor is missing; the file is incomplete");
    }
    if (!Arrays.equals(info.shape(), entry.shape())) {
      throw new ModelFormatException(
          file.path(),
          entry.name(),
          "shape "
              + Arrays.toString(info.shape())
              + " was found where the metadata says "
              + Arrays.toString(entry.shape()));
    }
    if (entry.shape().length == 1 && info.type().isQuantized()) {
      throw new ModelFormatException(
          file.path(), entry.name(), "a vector of block type " + info.type() + " is not supported");
    }
    long row = 0;
    for (GgufLayout.Part part : entry.parts()) {
      places.put(part.name(), new Place(info, entry, row, part));
      row += part.rows();
    }
  }

  /** The file behind this model, for its metadata (tokenizer, chat template). */
  public GgufFile file() {
    return file;
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
    Place place = places.get(name);
    if (place == null) {
      throw new ModelFormatException(file.path(), name, "the model has no such tensor");
    }
    GgufTensorInfo info = place.info();
    GgufLayout.Part part = place.part();
    GgufLayout.Entry entry = place.entry();
    boolean vector = entry.shape().length == 1;
    // Elements of a bias move like the rows of its matrix.
    long rowBytes = vector ? info.byteSize() / entry.rows() : info.type().rowBytes(entry.columns());
    MemorySegment data = file.data(info);
    if (part.rows() != entry.rows()) {
      data = data.asSlice(place.fromRow() * rowBytes, part.rows() * rowBytes);
    }
    if (part.rotaryHeads() > 0) {
      data = RotaryRows.toHalfSplit(data, rowBytes, config.headDim());
    }
    long[] shape = shapes.get(name).clone();
    DType plain = plainType(info.type());
    return plain != null
        ? new DenseTensor(shape, plain, data)
        : new GgmlTensor(shape, info.type(), data);
  }

  private static DType plainType(GgmlType type) {
    return type.isQuantized() ? null : DType.valueOf(type.name());
  }

  @Override
  public Map<String, SiteOps> siteOps() {
    return Map.of();
  }

  @Override
  public void close() {
    file.close();
  }
}
