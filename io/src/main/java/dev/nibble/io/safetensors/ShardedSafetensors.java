package dev.nibble.io.safetensors;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The weights of a model directory: {@code model.safetensors}, or the shards that {@code
 * model.safetensors.index.json} lists.
 *
 * <pre>
 * { "metadata": { ... }, "weight_map": { "tensor name": "model-00001-of-00002.safetensors", ... } }
 * </pre>
 *
 * <p>Shards are plain file names of the same directory, all present, and hold exactly the tensors
 * that the index puts there.
 */
public final class ShardedSafetensors implements TensorSource {
  /** File of an unsharded model. */
  public static final String SINGLE = "model.safetensors";

  /** File that lists the shards. */
  public static final String INDEX = "model.safetensors.index.json";

  private static final long MAX_INDEX_BYTES = 100_000_000;
  private static final Pattern SHARD_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]*");

  private final Path listing;
  private final List<SafetensorsFile> shards = new ArrayList<>();
  private final Map<String, SafetensorsFile> places = new LinkedHashMap<>();

  private ShardedSafetensors(Path listing) {
    this.listing = listing;
  }

  /** True when {@code directory} holds weights of this kind. */
  public static boolean isPresent(Path directory) {
    return Files.exists(directory.resolve(SINGLE)) || Files.exists(directory.resolve(INDEX));
  }

  /**
   * Opens and checks all files. An index is preferred to a single file beside it only when the
   * single file is absent.
   *
   * @throws ModelFormatException when a file is damaged, missing or contradicts the index
   */
  public static ShardedSafetensors open(Path directory) {
    Path single = directory.resolve(SINGLE);
    Path index = directory.resolve(INDEX);
    boolean sharded = !Files.exists(single) && Files.exists(index);
    ShardedSafetensors set = new ShardedSafetensors(sharded ? index : single);
    try {
      if (sharded) {
        set.readIndex(directory);
      } else {
        SafetensorsFile file = SafetensorsFile.open(single);
        set.shards.add(file);
        file.names().forEach(name -> set.places.put(name, file));
      }
      return set;
    } catch (RuntimeException | Error e) {
      set.close();
      throw e;
    }
  }

  private void readIndex(Path directory) {
    JsonFields root = StrictJson.readObject(listing, MAX_INDEX_BYTES);
    JsonFields map = root.object("weight_map");
    Map<String, SafetensorsFile> byName = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : map.node().properties()) {
      String name = entry.getKey();
      String shard = shardName(map, name);
      SafetensorsFile file = byName.get(shard);
      if (file == null) {
        file = openShard(directory, shard);
        byName.put(shard, file);
      }
      if (!file.names().contains(name)) {
        throw map.problem(
            name, "the index says the tensor is in " + shard + ", but that file does not have it");
      }
      places.put(name, file);
    }
    for (SafetensorsFile file : shards) {
      for (String name : file.names()) {
        if (places.get(name) != file) {
          throw new ModelFormatException(
              file.path(),
              JsonFields.shown(name),
              "the index does not say that it is in this file");
        }
      }
    }
  }

  private static String shardName(JsonFields map, String name) {
    String shard = map.string(name);
    if (!SHARD_NAME.matcher(shard).matches()) {
      throw map.problem(
          name,
          "'"
              + JsonFields.shown(shard)
              + "' is not a plain file name of this directory; the index is damaged or malicious");
    }
    return shard;
  }

  private SafetensorsFile openShard(Path directory, String shard) {
    Path path = directory.resolve(shard);
    if (!Files.exists(path)) {
      throw new ModelFormatException(
          path, "", "the shard is missing though the index lists it; get the whole model");
    }
    SafetensorsFile file = SafetensorsFile.open(path);
    shards.add(file);
    return file;
  }

  /**
   * The files that hold tensors, in order of first mention, preceded by the index if there is one.
   */
  public List<Path> files() {
    List<Path> files = new ArrayList<>();
    if (!shards.isEmpty() && !listing.equals(shards.getFirst().path())) {
      files.add(listing);
    }
    shards.forEach(shard -> files.add(shard.path()));
    return files;
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(places.keySet());
  }

  @Override
  public Info info(String name) {
    return place(name).info(name);
  }

  @Override
  public DenseTensor tensor(String name) {
    return place(name).tensor(name);
  }

  @Override
  public Path fileOf(String name) {
    SafetensorsFile file = places.get(name);
    return file == null ? listing : file.path();
  }

  private SafetensorsFile place(String name) {
    SafetensorsFile file = places.get(name);
    if (file == null) {
      throw new ModelFormatException(
          listing, JsonFields.shown(name), "the tensor is missing; the model is incomplete");
    }
    return file;
  }

  @Override
  public void close() {
    shards.forEach(SafetensorsFile::close);
  }
}
