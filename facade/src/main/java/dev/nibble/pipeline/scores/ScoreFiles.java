package dev.nibble.pipeline.scores;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.ScoreCache;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.io.file.AtomicFile;
import dev.nibble.io.json.JsonFields;
import dev.nibble.io.json.StrictJson;
import dev.nibble.pipeline.journal.ContentHash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Scores of one model and calibration in files, one for each key: {@code
 * FOLDER/scores/OWNER/HASH.json} with the key and the value, OWNER being the hash of what the
 * scores belong to. Files appear whole or not at all, so that processes may share the folder. What
 * was found or stored is kept in memory, too. A file that cannot be read or written is a note, not
 * an error.
 */
public final class ScoreFiles implements ScoreCache {
  private static final long MAX_BYTES = 256L << 20;
  private static final String KEY = "key";
  private static final String VALUE = "scores";

  private final Optional<Path> folder;
  private final Supplier<String> owner;
  private final Progress progress;
  private final Map<String, JsonNode> known = new ConcurrentHashMap<>();
  private String ownerHash;

  /**
   * @param folder cache folder; empty to keep scores in memory alone
   * @param owner everything that all keys depend on; asked at most once, when it is needed
   * @param progress told what could not be kept
   */
  public ScoreFiles(Optional<Path> folder, Supplier<String> owner, Progress progress) {
    this.folder = folder;
    this.owner = owner;
    this.progress = progress;
  }

  /** The part of this cache in which keys depend on {@code more}, too. */
  public ScoreCache within(String more) {
    return new ScoreCache() {
      @Override
      public Optional<JsonNode> find(String key) {
        return ScoreFiles.this.find(more + "\n" + key);
      }

      @Override
      public void store(String key, JsonNode scores) {
        ScoreFiles.this.store(more + "\n" + key, scores);
      }
    };
  }

  @Override
  public Optional<JsonNode> find(String key) {
    JsonNode here = known.get(key);
    if (here != null) {
      return Optional.of(here);
    }
    Optional<JsonNode> read = folder.map(f -> file(f, key)).flatMap(file -> read(file, key));
    read.ifPresent(value -> known.put(key, value));
    return read;
  }

  private Optional<JsonNode> read(Path file, String key) {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      JsonFields in = StrictJson.readObject(file, MAX_BYTES);
      return in.string(KEY).equals(key)
          ? Optional.ofNullable(in.node().get(VALUE))
          : Optional.empty();
    } catch (NibbleException e) {
      progress.note("kept scores are not used: " + e.getMessage());
      return Optional.empty();
    }
  }

  @Override
  public void store(String key, JsonNode scores) {
    known.put(key, scores);
    folder.ifPresent(
        f -> {
          Path file = file(f, key);
          ObjectNode out = JsonNodeFactory.instance.objectNode().put(KEY, key);
          out.set(VALUE, scores);
          try {
            Files.createDirectories(file.getParent());
            AtomicFile.write(file, StrictJson.pretty(out));
          } catch (IOException | NibbleException e) {
            progress.note("scores are not kept for another run: " + e.getMessage());
          }
        });
  }

  private synchronized Path file(Path cache, String key) {
    if (ownerHash == null) {
      ownerHash = ContentHash.of(owner.get());
    }
    return cache
        .resolve("scores")
        .resolve(ownerHash.substring(0, 32))
        .resolve(ContentHash.of(key).substring(0, 32) + ".json");
  }
}
