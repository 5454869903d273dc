package dev.nibble.io.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.ModelFormatException;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Path;
import java.util.NoSuchElementException;

/**
 * Objects of a JSON array, or of a sequence of objects (JSON lines), through a streaming parser.
 */
final class JsonRecords extends Records {
  private static final ObjectMapper MAPPER =
      new ObjectMapper(
          JsonFactory.builder()
              .streamReadConstraints(
                  StreamReadConstraints.builder()
                      .maxStringLength(MAX_ROW)
                      .maxNestingDepth(64)
                      .build())
              .build());

  private final Path path;
  private final JsonParser parser;
  private final boolean lines;
  private ObjectNode next;
  private long row;

  JsonRecords(Path path, Reader reader, String array, boolean lines) {
    this.path = path;
    this.lines = lines;
    try {
      this.parser = MAPPER.createParser(reader);
      if (!lines) {
        enter(array);
      }
      advance();
    } catch (IOException e) {
      throw explain(e);
    }
  }

  /** Moves to the array that holds the rows. */
  private void enter(String array) throws IOException {
    JsonToken first = parser.nextToken();
    if (first == JsonToken.START_ARRAY) {
      if (!array.isEmpty()) {
        throw problem("the file is an array and has no \"" + array + "\"; leave the name out");
      }
      return;
    }
    if (first != JsonToken.START_OBJECT) {
      throw problem("expected a JSON array of objects, found " + describe(first));
    }
    if (array.isEmpty()) {
      throw problem("the file is a JSON object; name the array in it that holds the rows");
    }
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      JsonToken value = parser.nextToken();
      if (name.equals(array)) {
        if (value != JsonToken.START_ARRAY) {
          throw problem("\"" + array + "\" is not an array but " + describe(value));
        }
        return;
      }
      parser.skipChildren();
    }
    throw problem("has no array named \"" + array + "\"");
  }

  private void advance() throws IOException {
    next = null;
    JsonToken token = parser.nextToken();
    boolean end = lines ? token == null : token == JsonToken.END_ARRAY;
    if (end) {
      return;
    }
    if (token == null) {
      throw problem("ends inside its array of rows");
    }
    if (token != JsonToken.START_OBJECT) {
      throw problem("expected an object, found " + describe(token));
    }
    JsonNode tree = MAPPER.readTree(parser);
    next = (ObjectNode) tree;
    row++;
  }

  private static String describe(JsonToken token) {
    return token == null
        ? "the end of the file"
        : token.isScalarValue() ? "a single value" : "\"" + token.asString() + "\"";
  }

  private ModelFormatException problem(String what) {
    return new ModelFormatException(path, "row " + (row + 1), what);
  }

  private ModelFormatException explain(IOException e) {
    if (e instanceof JsonProcessingException json) {
      return new ModelFormatException(
          path,
          "row " + (row + 1),
          "is not valid JSON: " + json.getOriginalMessage().lines().findFirst().orElse(""),
          e);
    }
    return DataFile.explain(path, e);
  }

  @Override
  public boolean hasNext() {
    return next != null;
  }

  @Override
  public ObjectNode next() {
    if (next == null) {
      throw new NoSuchElementException();
    }
    ObjectNode result = next;
    try {
      advance();
    } catch (IOException e) {
      throw explain(e);
    }
    return result;
  }

  @Override
  public void close() {
    try {
      parser.close();
    } catch (IOException e) {
      throw DataFile.explain(path, e);
    }
  }
}
