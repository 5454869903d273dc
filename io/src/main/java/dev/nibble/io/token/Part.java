package dev.nibble.io.token;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nibble.core.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A piece of a JSON file that knows where it is, so that every complaint names file and field.
 * Absent and {@code null} are the same.
 */
record Part(Path file, String where, JsonNode node) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Larger than any tokenizer published. */
  private static final long MAX_FILE_BYTES = 1L << 27;

  /** The object in a file. */
  static Part read(Path file) {
    return parse(file, bytes(file));
  }

  /** The object in bytes that came from {@code file}. */
  static Part parse(Path file, byte[] json) {
    try {
      JsonNode node = JSON.readTree(json);
      if (node == null || !node.isObject()) {
        throw new ModelFormatException(file, "", "is not a JSON object");
      }
      return new Part(file, "", node);
    } catch (JsonProcessingException e) {
      throw new ModelFormatException(
          file, "", "is not valid JSON (" + e.getOriginalMessage() + "); fetch the file again", e);
    } catch (IOException e) {
      throw new ModelFormatException(file, "", "cannot be read: " + e.getMessage(), e);
    }
  }

  /** All bytes of a file of reasonable size. */
  static byte[] bytes(Path file) {
    try {
      if (Files.size(file) > MAX_FILE_BYTES) {
        throw new ModelFormatException(
            file, "", "has more than " + MAX_FILE_BYTES + " bytes, too many for a tokenizer file");
      }
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new ModelFormatException(file, "", "does not exist", e);
    } catch (IOException e) {
      throw new ModelFormatException(file, "", "cannot be read: " + e.getMessage(), e);
    }
  }

  /** True when the field is absent or null. */
  boolean lacks(String field) {
    return node.path(field).isMissingNode() || node.path(field).isNull();
  }

  Part child(String field) {
    return new Part(file, where.isEmpty() ? field : where + "." + field, node.path(field));
  }

  /** Elements of an array field, none when it is absent. */
  List<Part> list(String field) {
    if (lacks(field)) {
      return List.of();
    }
    Part array = child(field);
    if (!array.node.isArray()) {
      throw array.fault("is not a list");
    }
    List<Part> elements = new ArrayList<>(array.node.size());
    for (JsonNode element : array.node) {
      elements.add(new Part(file, array.where + "[" + elements.size() + "]", element));
    }
    return elements;
  }

  /** A text field that must be there. */
  String text(String field) {
    JsonNode value = node.path(field);
    if (!value.isTextual()) {
      throw child(field).fault("is not a text");
    }
    return value.textValue();
  }

  String text(String field, String otherwise) {
    return lacks(field) ? otherwise : text(field);
  }

  boolean flag(String field, boolean otherwise) {
    if (lacks(field)) {
      return otherwise;
    }
    if (!node.path(field).isBoolean()) {
      throw child(field).fault("is neither true nor false");
    }
    return node.path(field).booleanValue();
  }

  /** A whole number between {@code low} and {@code high}. */
  int number(String field, int low, int high) {
    return child(field).number(low, high);
  }

  /** This node as a whole number between {@code low} and {@code high}. */
  int number(int low, int high) {
    if (!node.isIntegralNumber()
        || !node.canConvertToInt()
        || node.intValue() < low
        || node.intValue() > high) {
      throw fault("is " + shown() + " instead of a whole number in " + low + ".." + high);
    }
    return node.intValue();
  }

  /** The field {@code type}, which names the kind of component. */
  String type() {
    return text("type");
  }

  private String shown() {
    String text = node.isMissingNode() ? "missing" : node.toString();
    return text.length() > 40 ? text.substring(0, 40) + "…" : text;
  }

  ModelFormatException fault(String problem) {
    return new ModelFormatException(file, where, problem);
  }

  /** The fault of a component whose type this package does not have. */
  ModelFormatException unsupported(String what, String known) {
    return fault(what + " '" + type() + "' is not supported, only " + known);
  }
}
