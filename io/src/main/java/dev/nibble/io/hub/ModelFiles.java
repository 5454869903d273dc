package dev.nibble.io.hub;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.core.NibbleException;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import dev.nibble.io.model.NibbleArtefact;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.safetensors.ShardedSafetensors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Which of a repository's files make the model: those beside the weights that {@link OpenedModel}
 * reads, and the safetensors; never pickles, ONNX or weights of other frameworks.
 */
final class ModelFiles {
  private static final long MAX_INDEX_BYTES = 100_000_000;
  private static final int SHOWN = 12;

  private final Map<String, HubFile> listed = new LinkedHashMap<>();
  private final HubTrouble trouble;

  ModelFiles(List<HubFile> files, HubTrouble trouble) {
    files.forEach(file -> listed.put(file.path(), file));
    this.trouble = trouble;
  }

  /**
   * A file by its path.
   *
   * @throws NibbleException when the repository has no such file
   */
  HubFile file(String path) {
    HubFile file = listed.get(path);
    if (file == null) {
      int dot = path.lastIndexOf('.');
      throw trouble.missing(
          "has no file " + path + alternatives("; it has ", dot < 0 ? "" : path.substring(dot)));
    }
    return file;
  }

  /**
   * Configuration, tokenizer, and the index of the weights if they are in several files.
   *
   * @throws NibbleException when the repository holds no model that Nibble reads
   */
  List<HubFile> companions() {
    if (!has(ShardedSafetensors.SINGLE) && !has(ShardedSafetensors.INDEX)) {
      throw trouble.missing("has no weights in safetensors" + advice());
    }
    return present(companionNames(listed::containsKey)).toList();
  }

  /** Names to fetch before the weights, of those that {@code exists} knows. */
  private static Set<String> companionNames(Function<String, Boolean> exists) {
    Set<String> names = new LinkedHashSet<>();
    names.add(NibbleArtefact.MANIFEST);
    names.addAll(OpenedModel.companionNames());
    if (!exists.apply(ShardedSafetensors.SINGLE)) {
      names.add(ShardedSafetensors.INDEX);
    }
    return names;
  }

  private java.util.stream.Stream<HubFile> present(Set<String> names) {
    return names.stream().filter(listed::containsKey).map(listed::get);
  }

  /**
   * The weights.
   *
   * @param snapshot folder where the companions are by now
   * @throws NibbleException when the index names a file that the repository lacks
   */
  List<HubFile> weights(Path snapshot) {
    if (has(ShardedSafetensors.SINGLE)) {
      return List.of(file(ShardedSafetensors.SINGLE));
    }
    return shards(snapshot).stream().map(this::file).toList();
  }

  /** What a snapshot lacks, the first of it, or "" when the model is all there. */
  static String missing(Path snapshot) {
    if (Files.exists(snapshot.resolve(ShardedSafetensors.SINGLE))) {
      return "";
    }
    if (!Files.exists(snapshot.resolve(ShardedSafetensors.INDEX))) {
      return "the weights";
    }
    return shards(snapshot).stream()
        .filter(shard -> !Files.exists(snapshot.resolve(shard)))
        .findFirst()
        .orElse("");
  }

  private static Set<String> shards(Path snapshot) {
    Path index = snapshot.resolve(ShardedSafetensors.INDEX);
    JsonFields map = StrictJson.readObject(index, MAX_INDEX_BYTES).object("weight_map");
    Set<String> shards = new LinkedHashSet<>();
    for (Map.Entry<String, JsonNode> entry : map.node().properties()) {
      String shard = map.string(entry.getKey());
      if (!HubPaths.isSafe(shard)) {
        throw map.problem(
            entry.getKey(),
            "'" + JsonFields.shown(shard) + "' is no file name; do not use this model");
      }
      shards.add(shard);
    }
    return shards;
  }

  private boolean has(String path) {
    return listed.containsKey(path);
  }

  private String advice() {
    String gguf = alternatives("; choose a GGUF file as owner/name:FILE, of ", ".gguf");
    if (!gguf.isEmpty()) {
      return gguf;
    }
    boolean pickled =
        listed.keySet().stream().anyMatch(p -> p.endsWith(".bin") || p.endsWith(".pth"));
    return pickled
        ? " but only pickled ones, which are never executed; look for a converted copy"
        : "; give a repository of a model's weights";
  }

  /** The files with an ending, as far as they fit in a sentence. */
  private String alternatives(String lead, String ending) {
    List<String> found =
        listed.keySet().stream().filter(p -> !ending.isEmpty() && p.endsWith(ending)).toList();
    if (found.isEmpty()) {
      return "";
    }
    String all = String.join(", ", found.subList(0, Math.min(SHOWN, found.size())));
    return lead + all + (found.size() > SHOWN ? " and more" : "");
  }
}
