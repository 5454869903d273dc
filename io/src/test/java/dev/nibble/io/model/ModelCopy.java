package dev.nibble.io.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.progress.Progress;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.io.safetensors.SafetensorsWriter.Entry;
import dev.nibble.io.safetensors.ShardedSafetensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** A copy of a model directory with changes. */
final class ModelCopy {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path source;
  private Consumer<ObjectNode> config = c -> {};
  private UnaryOperator<String> names = n -> n;
  private int shards = 1;

  private ModelCopy(Path source) {
    this.source = source;
  }

  static ModelCopy of(Path source) {
    return new ModelCopy(source);
  }

  /** Edits config.json. */
  ModelCopy config(Consumer<ObjectNode> edit) {
    config = edit;
    return this;
  }

  /** Renames tensors; null drops one. */
  ModelCopy names(UnaryOperator<String> rename) {
    names = rename;
    return this;
  }

  /** Spreads the tensors over several files. */
  ModelCopy shards(int count) {
    shards = count;
    return this;
  }

  /** Writes the copy. */
  Path to(Path directory) {
    try (SafetensorsFile file = SafetensorsFile.open(source.resolve(ShardedSafetensors.SINGLE))) {
      ObjectNode json = (ObjectNode) JSON.readTree(source.resolve("config.json").toFile());
      config.accept(json);
      Files.writeString(directory.resolve("config.json"), json.toPrettyString());
      List<List<Entry>> parts = new ArrayList<>();
      for (int i = 0; i < shards; i++) {
        parts.add(new ArrayList<>());
      }
      int at = 0;
      for (String name : file.names()) {
        String renamed = names.apply(name);
        if (renamed != null) {
          parts.get(at++ % shards).add(Entry.of(renamed, file.tensor(name)));
        }
      }
      write(directory, parts);
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void write(Path directory, List<List<Entry>> parts) throws IOException {
    if (shards == 1) {
      Path file = directory.resolve(ShardedSafetensors.SINGLE);
      SafetensorsWriter.write(file, Map.of(), parts.getFirst(), Progress.SILENT);
      return;
    }
    ObjectNode map = JSON.createObjectNode();
    for (int i = 0; i < shards; i++) {
      String name = "model-%05d-of-%05d.safetensors".formatted(i + 1, shards);
      SafetensorsWriter.write(directory.resolve(name), Map.of(), parts.get(i), Progress.SILENT);
      parts.get(i).forEach(e -> map.put(e.name(), name));
    }
    ObjectNode index = JSON.createObjectNode();
    index.set("weight_map", map);
    Files.writeString(directory.resolve(ShardedSafetensors.INDEX), index.toPrettyString());
  }
}
