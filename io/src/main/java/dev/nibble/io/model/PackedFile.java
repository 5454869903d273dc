package dev.nibble.io.model;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import dev.nibble.io.packed.TensorCodecs;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Packed tensors in a safetensors file. A dense tensor is stored plainly under its name. Any other
 * is stored as component tensors {@code NAME.component}, and described in the header's {@code
 * __metadata__} under {@value #METADATA}: a JSON object, tensor name to descriptor. The codecs of
 * {@link dev.nibble.io.packed} say what each kind consists of.
 */
public final class PackedFile {
  /** Key of the descriptors in {@code __metadata__}. */
  public static final String METADATA = "nibble.tensors";

  private PackedFile() {}

  /** The entries to write for the tensors, in map order; components are views, not copies. */
  public static List<Entry> entries(Map<String, PackedTensor> tensors) {
    List<Entry> out = new ArrayList<>();
    tensors.forEach((name, tensor) -> out.addAll(TensorCodecs.entries(name, tensor)));
    return out;
  }

  /** The header texts that describe the tensors; empty when all are dense. */
  public static Map<String, String> metadata(Map<String, PackedTensor> tensors) {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    new TreeMap<>(tensors)
        .forEach(
            (name, tensor) -> {
              if (!(tensor instanceof DenseTensor)) {
                all.set(name, TensorCodecs.descriptor(tensor));
              }
            });
    return all.isEmpty() ? Map.of() : Map.of(METADATA, StrictJson.compact(all));
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
    Set<String> components = new HashSet<>();
    for (String name : packed) {
      out.put(name, TensorCodecs.read(file, name, descriptors.object(name), components));
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
}
