package dev.nibble.eval.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.NibbleException;
import java.util.ArrayList;
import java.util.List;

/** Typed fields of data rows. */
final class Rows {
  private Rows() {}

  static String text(ObjectNode row, String field) {
    JsonNode value = row.get(field);
    if (value == null || !value.isTextual()) {
      throw missing(field, "text");
    }
    return value.textValue();
  }

  static List<String> strings(ObjectNode row, String field) {
    JsonNode value = row.get(field);
    List<String> strings = new ArrayList<>();
    if (value == null || !value.isArray() || value.isEmpty()) {
      throw missing(field, "a list of texts");
    }
    for (JsonNode element : value) {
      if (!element.isTextual()) {
        throw missing(field, "a list of texts");
      }
      strings.add(element.textValue());
    }
    return strings;
  }

  /** A small index, as a number or as text. */
  static int gold(ObjectNode row, String field) {
    JsonNode value = row.get(field);
    if (value != null && value.isInt()) {
      return value.intValue();
    }
    if (value != null && value.isTextual() && value.textValue().matches("\\d{1,4}")) {
      return Integer.parseInt(value.textValue());
    }
    throw missing(field, "the index of the right choice");
  }

  static NibbleException missing(String field, String what) {
    return new NibbleException(
        "field \"" + field + "\" must hold " + what, NibbleException.BAD_INPUT, null);
  }
}
