package dev.nibble.compress.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.core.NibbleException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Typed access to a step's options that remembers which keys were asked for, so that misspelt ones
 * can be reported with the allowed names.
 */
public final class OptionReader {
  private final String where;
  private final JsonNode node;
  private final Set<String> asked = new HashSet<>();
  private final List<String> order = new ArrayList<>();

  /**
   * @param where path for messages, as {@code "steps[1].gptq"}
   * @param node a JSON object, or null for no options
   */
  public OptionReader(String where, JsonNode node) {
    this.where = where;
    this.node = node;
    if (node != null && !node.isNull() && !node.isObject()) {
      throw new NibbleException(where + ": options must be a map of names to values, not " + node);
    }
  }

  /** Path for messages. */
  public String where() {
    return where;
  }

  private JsonNode find(String key) {
    if (asked.add(key)) {
      order.add(key);
    }
    JsonNode value = node == null ? null : node.get(key);
    return value == null || value.isNull() ? null : value;
  }

  /** Integer option within [min, max]. */
  public int integer(String key, int fallback, int min, int max) {
    JsonNode v = find(key);
    if (v == null) {
      return fallback;
    }
    if (!v.isIntegralNumber() || !v.canConvertToInt() || v.intValue() < min || v.intValue() > max) {
      throw wrong(key, v, "a whole number from " + min + " to " + max);
    }
    return v.intValue();
  }

  /** Real option within [min, max]. */
  public double real(String key, double fallback, double min, double max) {
    JsonNode v = find(key);
    if (v == null) {
      return fallback;
    }
    if (!v.isNumber() || !(v.doubleValue() >= min) || !(v.doubleValue() <= max)) {
      throw wrong(key, v, "a number from " + min + " to " + max);
    }
    return v.doubleValue();
  }

  /** Yes/no option. */
  public boolean flag(String key, boolean fallback) {
    JsonNode v = find(key);
    if (v == null) {
      return fallback;
    }
    if (!v.isBoolean()) {
      throw wrong(key, v, "true or false");
    }
    return v.booleanValue();
  }

  /** Text option. */
  public String text(String key, String fallback) {
    JsonNode v = find(key);
    if (v == null) {
      return fallback;
    }
    if (!v.isValueNode()) {
      throw wrong(key, v, "a text");
    }
    return v.asText();
  }

  /** Option with a fixed set of lower-case names, by enum constant. */
  public <E extends Enum<E>> E choice(String key, E fallback, Class<E> type) {
    JsonNode v = find(key);
    if (v == null) {
      return fallback;
    }
    List<String> names = new ArrayList<>();
    for (E e : type.getEnumConstants()) {
      String name = e.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
      names.add(name);
      if (name.equals(v.asText().replace('_', '-'))) {
        return e;
      }
    }
    throw wrong(key, v, "one of " + String.join(", ", names));
  }

  /** Fails when the recipe holds a key that nothing asked for. */
  public void rejectUnknown() {
    if (node == null || node.isNull()) {
      return;
    }
    node.fieldNames()
        .forEachRemaining(
            key -> {
              if (!asked.contains(key)) {
                throw new NibbleException(
                    where
                        + ": unknown option \""
                        + key
                        + "\"; known are "
                        + String.join(", ", order));
              }
            });
  }

  private NibbleException wrong(String key, JsonNode found, String expected) {
    return new NibbleException(where + "." + key + ": expected " + expected + ", found " + found);
  }
}
