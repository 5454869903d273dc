package dev.nibble.io.packed;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.util.List;
import java.util.Set;

/** The codecs of all kinds of packed tensors. */
public final class TensorCodecs {
  private static final List<TensorCodec<?>> ALL =
      List.of(
          new DenseCodec(),
          new AffineCodec(),
          new TableCodec(),
          new GgmlCodec(),
          new BandedCodec(),
          new CodebookCodec(),
          new BinaryCodec(),
          new BilevelCodec(),
          new OutlierCodec(),
          new TiledCodec());

  private TensorCodecs() {}

  /** The entries of a tensor's components, named {@code name.component}; views, not copies. */
  public static List<Entry> entries(String name, PackedTensor tensor) {
    return entries(of(tensor), name, tensor);
  }

  private static <T extends PackedTensor> List<Entry> entries(
      TensorCodec<T> codec, String name, PackedTensor tensor) {
    if (codec instanceof DenseCodec dense) {
      return List.of(dense.entry(name, tensor));
    }
    ComponentWriter out = new ComponentWriter(name);
    codec.write(codec.kind().cast(tensor), out);
    return out.entries();
  }

  /** What describes a tensor: type, shape and what else its codec needs to read it. */
  public static ObjectNode descriptor(PackedTensor tensor) {
    return descriptor(of(tensor), tensor);
  }

  private static <T extends PackedTensor> ObjectNode descriptor(
      TensorCodec<T> codec, PackedTensor tensor) {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    out.put("type", codec.type());
    codec.describe(codec.kind().cast(tensor), out);
    ArrayNode shape = out.putArray("shape");
    for (long d : tensor.shape()) {
      shape.add(d);
    }
    return out;
  }

  /**
   * Reads a tensor; views of the mapping.
   *
   * @param used gets the names of the file's tensors that it consists of
   * @throws dev.nibble.core.ModelFormatException when descriptor or components are damaged
   */
  public static PackedTensor read(
      SafetensorsFile file, String name, JsonFields descriptor, Set<String> used) {
    return read(new ComponentReader(file, name, descriptor, used));
  }

  static PackedTensor read(ComponentReader in) {
    String type = in.descriptor().string("type");
    return ALL.stream()
        .filter(codec -> codec.type().equals(type))
        .findFirst()
        .orElseThrow(
            () ->
                in.descriptor()
                    .problem(
                        "type",
                        "'"
                            + JsonFields.shown(type)
                            + "' is not known; the artefact was made by a newer version of"
                            + " Nibble"))
        .read(in);
  }

  private static TensorCodec<?> of(PackedTensor tensor) {
    return ALL.stream()
        .filter(codec -> codec.kind().isInstance(tensor))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no codec for " + tensor.typeName()));
  }
}
