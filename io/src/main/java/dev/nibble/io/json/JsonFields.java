package dev.nibble.io.json;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.core.ModelFormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * A JSON object of a file with typed, bounded access. Every failure is a {@link
 * ModelFormatException} that names the file and the path of the field. A field that is {@code null}
 * counts as absent.
 */
public final class JsonFields {
  private final Path file;
  private final String where;
  private final JsonNode node;

  /**
   * @param file file the object came from
   * @param where path of the object in the file, "" for the root
   * @param node the object
   */
  public JsonFields(Path file, String where, JsonNode node) {
    this.file = file;
    this.where = where;
    this.node = node;
  }

  /** File of the object. */
  public Path file() {
    return file;
  }

  /** The object itself. */
  public JsonNode node() {
    return node;
  }

  /** Keys in file order. */
  public List<String> keys() {
    List<String> keys = new ArrayList<>();
    node.fieldNames().forEachRemaining(keys::add);
    return keys;
  }

  /** True when the field is there and not null. */
  public boolean has(String key) {
    return node.hasNonNull(key);
  }

  /** First of {@code keys} that is present, else the first: for fields of several spellings. */
  public String spelling(String... keys) {
    for (String key : keys) {
      if (has(key)) {
        return key;
      }
    }
    return keys[0];
  }

  /** An exception about the field {@code key}. */
  public ModelFormatException problem(String key, String text) {
    return new ModelFormatException(file, path(key), text);
  }

  /** A whole number in {@code [min, max]}. */
  public int integer(String key, int min, int max) {
    return optionalInteger(key, min, max).orElseThrow(() -> missing(key, "a whole number"));
  }

  /** A whole number in {@code [min, max]}, or {@code absent}. */
  public int integer(String key, int min, int max, int absent) {
    return optionalInteger(key, min, max).orElse(absent);
  }

  /** A whole number in {@code [min, max]} when present. */
  public Optional<Integer> optionalInteger(String key, int min, int max) {
    return has(key) ? Optional.of(wholeNumber(key, node.get(key), min, max)) : Optional.empty();
  }

  /** A finite number in {@code [min, max]}. */
  public double number(String key, double min, double max) {
    if (!has(key)) {
      throw missing(key, "a number");
    }
    return realNumber(key, node.get(key), min, max);
  }

  /** A finite number in {@code [min, max]}, or {@code absent}. */
  public double number(String key, double min, double max, double absent) {
    return has(key) ? number(key, min, max) : absent;
  }

  /** True or false. */
  public boolean flag(String key) {
    if (!has(key)) {
      throw missing(key, "true or false");
    }
    JsonNode value = node.get(key);
    if (!value.isBoolean()) {
      throw wrong(key, value, "true or false");
    }
    return value.booleanValue();
  }

  /** True or false, or {@code absent}. */
  public boolean flag(String key, boolean absent) {
    return has(key) ? flag(key) : absent;
  }

  /** Text. */
  public String string(String key) {
    return optionalString(key).orElseThrow(() -> missing(key, "a text"));
  }

  /** Text when present. */
  public Optional<String> optionalString(String key) {
    if (!has(key)) {
      return Optional.empty();
    }
    JsonNode value = node.get(key);
    if (!value.isTextual()) {
      throw wrong(key, value, "a text");
    }
    return Optional.of(value.textValue());
  }

  /** One of the constants of an enum, in its lower-case spelling. */
  public <E extends Enum<E>> E constant(String key, Class<E> type) {
    String text = string(key);
    for (E each : type.getEnumConstants()) {
      if (each.name().equalsIgnoreCase(text)) {
        return each;
      }
    }
    throw wrong(
        key,
        node.get(key),
        "one of " + List.of(type.getEnumConstants()).toString().toLowerCase(java.util.Locale.ROOT));
  }

  /** An object. */
  public JsonFields object(String key) {
    return optionalObject(key).orElseThrow(() -> missing(key, "an object"));
  }

  /** An object when present. */
  public Optional<JsonFields> optionalObject(String key) {
    if (!has(key)) {
      return Optional.empty();
    }
    JsonNode value = node.get(key);
    if (!value.isObject()) {
      throw wrong(key, value, "an object");
    }
    return Optional.of(new JsonFields(file, path(key), value));
  }

  /** Whole numbers in {@code [min, max]}: a list, a single number, or empty when absent. */
  public List<Integer> integers(String key, int min, int max) {
    return list(key, n -> wholeNumber(key, n, min, max));
  }

  /** Finite numbers in {@code [min, max]}: a list, a single number, or empty when absent. */
  public List<Double> numbers(String key, double min, double max) {
    return list(key, n -> realNumber(key, n, min, max));
  }

  /** Texts: a list, a single text, or empty when absent. */
  public List<String> strings(String key) {
    return list(
        key,
        n -> {
          if (!n.isTextual()) {
            throw wrong(key, n, "a text");
          }
          return n.textValue();
        });
  }

  /** Objects of a list; empty when absent. */
  public List<JsonFields> objects(String key) {
    return list(
        key,
        n -> {
          if (!n.isObject()) {
            throw wrong(key, n, "an object");
          }
          return new JsonFields(file, path(key), n);
        });
  }

  private <T> List<T> list(String key, Function<JsonNode, T> element) {
    List<T> out = new ArrayList<>();
    if (has(key)) {
      JsonNode value = node.get(key);
      if (value.isArray()) {
        value.forEach(each -> out.add(element.apply(each)));
      } else {
        out.add(element.apply(value));
      }
    }
    return out;
  }

  private int wholeNumber(String key, JsonNode value, int min, int max) {
    // 4096.0 is a whole number too: some tools write every number with a point.
    boolean whole =
        value.isIntegralNumber()
            ? value.canConvertToLong()
            : value.isNumber() && value.doubleValue() == Math.rint(value.doubleValue());
    if (!whole || value.doubleValue() < min || value.doubleValue() > max) {
      throw wrong(key, value, "a whole number from " + min + " to " + max);
    }
    return value.intValue();
  }

  private double realNumber(String key, JsonNode value, double min, double max) {
    double number = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!(number >= min && number <= max)) {
      throw wrong(key, value, "a number from " + min + " to " + max);
    }
    return number;
  }

  private ModelFormatException missing(String key, String expected) {
    return problem(key, "the field is missing; it should be " + expected);
  }

  private ModelFormatException wrong(String key, JsonNode found, String expected) {
    return problem(key, "found " + shown(found.toString()) + " where it should be " + expected);
  }

  private String path(String key) {
    return shown(where.isEmpty() ? key : where + "." + key);
  }

  /** Text from a file made fit for a message: short, and without control characters. */
  public static String shown(String text) {
    String cut = text.length() > 120 ? text.substring(0, 120) + "..." : text;
    return cut.replaceAll("\\p{Cntrl}", "?");
  }
}
