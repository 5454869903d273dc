package dev.nibble.pipeline.study;

import dev.nibble.compress.recipe.Recipe;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A row of a study.
 *
 * @param id distinct within the study
 * @param method name of the method, as tables show it
 * @param category class of the method in the study's taxonomy, or ""
 * @param settings what varies between rows of one method, as {@code bits} to {@code 4}, in order
 * @param recipe what to run
 */
public record StudyEntry(
    String id, String method, String category, Map<String, String> settings, Recipe recipe) {
  /** Copies the map, keeping its order. */
  public StudyEntry {
    settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
  }
}
