package dev.nibble.pipeline.study;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A relation that a method's source claims.
 *
 * @param method whose claim
 * @param text what is claimed, one sentence
 * @param expectation the order of mean KL divergences that follows
 * @param entries id of the study's entry for each name in the expectation
 */
public record Claim(
    String method, String text, Expectation expectation, Map<String, String> entries) {
  /** Copies the map, keeping its order. */
  public Claim {
    entries = Collections.unmodifiableMap(new LinkedHashMap<>(entries));
  }
}
