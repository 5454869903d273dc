package dev.nibble.compress.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.QuantSpec;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Typed access to a step's options that remembers which keys were asked for, so that misspelt ones
 * can be reported with the allowed names.
 */
public final class OptionReader {
  private final String where;
  private final JsonNode node;
  private final Set<String> asked = new HashSet<>();
  private final List<String> order = new ArrayList<>();
  private final List<OptionReader> children = new ArrayList<>();

  /**
   * @param where path for messages, as {@code "my.yaml: steps[1].gptq"}; or {@code "my.yaml:"} for
   *     the file itself
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

  /** Any 64-bit integer option. */
  public long whole(String key, long fallback) {
    JsonNode v = find(key);
    if (v == null) {
      return fallback;
    }
    if (!v.isIntegralNumber() || !v.canConvertToLong()) {
      throw wrong(key, v, "a whole number");
    }
    return v.longValue();
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

  /**
   * Required option that is the text form of a {@link QuantSpec}.
   *
   * @throws NibbleException naming the option when it is absent or wrong
   */
  public QuantSpec spec(String key) {
    return optionalSpec(key)
        .orElseThrow(
            () ->
                new NibbleException(
                    path(key) + ": is missing; give a spec, as int4:g128 or int8:channel"));
  }

  /** Option that is the text form of a {@link QuantSpec}. */
  public Optional<QuantSpec> optionalSpec(String key) {
    String text = text(key, null);
    if (text == null) {
      return Optional.empty();
    }
    try {
      return Optional.of(QuantSpec.parse(text));
    } catch (NibbleException e) {
      throw new NibbleException(path(key) + ": " + e.getMessage(), NibbleException.USAGE, e);
    }
  }

  /** Option that is a list of texts, or one text for a list of one. */
  public List<String> texts(String key, List<String> fallback) {
    JsonNode v = find(key);
    if (v == null) {
      return fallback;
    }
    List<String> out = new ArrayList<>();
    for (JsonNode entry : v.isArray() ? v : List.of(v)) {
      if (!entry.isValueNode() || entry.isNull()) {
        throw wrong(key, v, "a list of texts");
      }
      out.add(entry.asText());
    }
    return out;
  }

  /** Option that is a list of regular expressions, or one; empty when absent. */
  public List<Pattern> patterns(String key) {
    return texts(key, List.of()).stream().map(text -> pattern(text, path(key))).toList();
  }

  /**
   * A regular expression.
   *
   * @throws NibbleException naming {@code where} when it is none
   */
  public static Pattern pattern(String text, String where) {
    try {
      return Pattern.compile(text);
    } catch (PatternSyntaxException e) {
      throw new NibbleException(
          where
              + ": \""
              + text
              + "\" is not a regular expression ("
              + e.getDescription()
              + "); escape special characters with a backslash",
          NibbleException.USAGE,
          e);
    }
  }

  /** Option of any shape, or null; its contents are the caller's to check. */
  public JsonNode node(String key) {
    return find(key);
  }

  /**
   * Option that is a map with options of its own (empty when absent); {@link #rejectUnknown} covers
   * it.
   */
  public OptionReader child(String key) {
    JsonNode v = find(key);
    OptionReader child = new OptionReader(path(key), v);
    children.add(child);
    return child;
  }

  /** Names that the recipe gives here, known or not; for maps whose keys are the user's. */
  public List<String> keys() {
    List<String> out = new ArrayList<>();
    if (node != null) {
      node.fieldNames().forEachRemaining(out::add);
    }
    return out;
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

  /** Fails when the recipe holds a key that nothing asked for, here or in a child. */
  public void rejectUnknown() {
    children.forEach(OptionReader::rejectUnknown);
    if (node == null || node.isNull()) {
      return;
    }
    node.fieldNames()
        .forEachRemaining(
            key -> {
              if (!asked.contains(key)) {
                throw new NibbleException(
                    (where.endsWith(":") ? where : where + ":")
                        + " unknown option \""
                        + key
                        + "\"; "
                        + NearestNames.hint(key, order));
              }
            });
  }

  private String path(String key) {
    return where + (where.endsWith(":") ? " " : ".") + key;
  }

  private NibbleException wrong(String key, JsonNode found, String expected) {
    return new NibbleException(path(key) + ": expected " + expected + ", found " + found);
  }
}
