package dev.nibble.io.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.nibble.core.ModelFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads JSON files of unknown origin. Refused with the place: text that is not UTF-8, a key twice
 * in one object, more than {@value #MAX_DEPTH} levels, numbers of more than 100 digits, anything
 * after the document, and files longer than the caller expects.
 */
public final class StrictJson {
  /** Deepest nesting read. */
  public static final int MAX_DEPTH = 64;

  private static final int MAX_NUMBER_LENGTH = 100;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_NUMBER_LENGTH)
                  .maxStringLength(Integer.MAX_VALUE)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .build();

  private static final ObjectMapper MAPPER =
      JsonMapper.builder(FACTORY)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private static final ObjectWriter COMPACT =
      MAPPER.writer().without(SerializationFeature.INDENT_OUTPUT);

  private StrictJson() {}

  /**
   * The whole file as one JSON object.
   *
   * @param maxBytes longest file read, a bound on memory
   * @throws ModelFormatException when the file cannot be read or is not such an object
   */
  public static JsonFields readObject(Path file, long maxBytes) {
    return object(file, "", readBytes(file, maxBytes));
  }

  /** A JSON object held in {@code text}, which is the element {@code where} of {@code file}. */
  public static JsonFields object(Path file, String where, byte[] text) {
    JsonNode node = tree(file, where, text);
    if (node == null || !node.isObject()) {
      throw new ModelFormatException(file, where, "the JSON must be an object { ... }");
    }
    return new JsonFields(file, where, node);
  }

  /** As {@link #object}, for a list of objects. */
  public static List<JsonFields> objects(Path file, String where, byte[] text) {
    JsonNode node = tree(file, where, text);
    if (node == null || !node.isArray()) {
      throw new ModelFormatException(file, where, "the JSON must be a list [ ... ]");
    }
    List<JsonFields> objects = new ArrayList<>(node.size());
    for (JsonNode each : node) {
      if (!each.isObject()) {
        throw new ModelFormatException(file, where, "the list must hold objects { ... } only");
      }
      objects.add(new JsonFields(file, where + "[" + objects.size() + "]", each));
    }
    return objects;
  }

  private static JsonNode tree(Path file, String where, byte[] text) {
    String decoded = decode(file, where, text);
    try {
      return MAPPER.readTree(decoded);
    } catch (JsonProcessingException e) {
      throw broken(file, where, e);
    }
  }

  /**
   * A streaming parser over {@code text}, for documents too large to hold as a tree. Failures of
   * the parser are made readable by {@link #broken}.
   */
  public static JsonParser parser(Path file, String where, byte[] text) {
    try {
      return FACTORY.createParser(decode(file, where, text));
    } catch (IOException e) {
      throw new ModelFormatException(file, where, "cannot be read: " + e.getMessage(), e);
    }
  }

  /** The exception for a document that a parser refused. */
  public static ModelFormatException broken(Path file, String where, JsonProcessingException e) {
    String place =
        e.getLocation() == null
            ? ""
            : " at line "
                + e.getLocation().getLineNr()
                + ", column "
                + e.getLocation().getColumnNr();
    String problem = JsonFields.shown(e.getOriginalMessage());
    return new ModelFormatException(
        file, where, "is not the JSON it should be" + place + ": " + problem, e);
  }

  /** Indented text, ending in a newline. */
  public static byte[] pretty(JsonNode node) {
    try {
      return (MAPPER.writeValueAsString(node) + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** Text on one line. */
  public static String compact(JsonNode node) {
    try {
      return COMPACT.writeValueAsString(node);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static byte[] readBytes(Path file, long maxBytes) {
    try {
      long size = Files.size(file);
      if (size > maxBytes) {
        throw new ModelFormatException(
            file, "", "has " + size + " bytes, but at most " + maxBytes + " are expected here");
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new ModelFormatException(
          file, "", "cannot be read: " + e.getClass().getSimpleName() + " " + e.getMessage(), e);
    }
  }

  private static String decode(Path file, String where, byte[] text) {
    ByteBuffer in = ByteBuffer.wrap(text);
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .decode(in)
          .toString();
    } catch (CharacterCodingException e) {
      throw new ModelFormatException(
          file, where, "byte " + in.position() + " is not UTF-8 text", e);
    }
  }
}
