package dev.nibble.pipeline.scores;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Where Nibble keeps what it can compute again. */
public final class CacheFolder {
  /** Environment variable that names the folder; {@code off} for none. */
  public static final String VARIABLE = "NIBBLE_CACHE";

  private CacheFolder() {}

  /**
   * {@code $NIBBLE_CACHE}, else {@code $XDG_CACHE_HOME/nibble}, else {@code ~/.cache/nibble}; empty
   * when the user has turned it off or there is no such place.
   *
   * @param environment of the process
   * @param home the user's home, or null
   */
  public static Optional<Path> of(Map<String, String> environment, String home) {
    String own = environment.getOrDefault(VARIABLE, "");
    if (own.equals("off")) {
      return Optional.empty();
    }
    if (!own.isBlank()) {
      return path(own);
    }
    String caches = environment.getOrDefault("XDG_CACHE_HOME", "");
    if (!caches.isBlank()) {
      return path(caches).map(p -> p.resolve("nibble"));
    }
    return home == null || home.isBlank()
        ? Optional.empty()
        : path(home).map(p -> p.resolve(".cache").resolve("nibble"));
  }

  private static Optional<Path> path(String text) {
    try {
      return Optional.of(Path.of(text).toAbsolutePath());
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }
}
