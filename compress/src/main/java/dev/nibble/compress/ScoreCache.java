package dev.nibble.compress;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;

/**
 * Keeps what was expensive to find out about a model (sensitivities, kernel times) from one run to
 * the next. An entry belongs to the model and calibration tokens of the run; the key must say
 * everything else that it depends on.
 */
public interface ScoreCache {
  /** Forgets everything. */
  ScoreCache NONE =
      new ScoreCache() {
        @Override
        public Optional<JsonNode> find(String key) {
          return Optional.empty();
        }

        @Override
        public void store(String key, JsonNode scores) {
          // kept nowhere
        }
      };

  /** What was stored under a key. */
  Optional<JsonNode> find(String key);

  /** Stores; a failure to write is not an error of the run. */
  void store(String key, JsonNode scores);
}
