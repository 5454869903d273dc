package dev.nibble.compress.recipe;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import dev.nibble.core.NibbleException;
import java.io.IOException;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * YAML text to a tree, for files that may be hostile: bounded size and depth, one document, no
 * duplicate keys, and none of YAML's anchors, aliases and tags (a recipe needs none, and they are
 * what "billion laughs" are made of).
 */
public final class YamlTree {
  /** A recipe of this many characters is a mistake. */
  static final int MAX_CHARACTERS = 1 << 20;

  static final int MAX_DEPTH = 32;

  private static final YAMLFactory FACTORY = factory();

  private final YAMLParser parser;
  private final String where;

  private YamlTree(YAMLParser parser, String where) {
    this.parser = parser;
    this.where = where;
  }

  private static YAMLFactory factory() {
    LoaderOptions limits = new LoaderOptions();
    limits.setCodePointLimit(MAX_CHARACTERS);
    limits.setNestingDepthLimit(MAX_DEPTH + 2);
    limits.setMaxAliasesForCollections(0);
    return YAMLFactory.builder().loaderOptions(limits).build();
  }

  /**
   * Reads one document.
   *
   * @param where name of the file or preset, for messages
   * @throws NibbleException with line and column when the text is not plain YAML within the limits
   */
  public static JsonNode read(String text, String where) {
    if (text.length() > MAX_CHARACTERS) {
      throw new NibbleException(
          where
              + ": has "
              + text.length()
              + " characters, more than the "
              + MAX_CHARACTERS
              + " a recipe may have; check that this is the right file");
    }
    try (YAMLParser parser = FACTORY.createParser(text)) {
      return new YamlTree(parser, where).document();
    } catch (JsonProcessingException e) {
      String problem = firstLine(e.getOriginalMessage());
      String at = e.getLocation() == null ? "" : " at " + position(e.getLocation().getLineNr(), -1);
      throw new NibbleException(
          where + ": not valid YAML" + at + ": " + problem, NibbleException.USAGE, e);
    } catch (YAMLException e) {
      throw new NibbleException(
          where + ": not valid YAML: " + firstLine(e.getMessage()), NibbleException.USAGE, e);
    } catch (IOException e) {
      throw new NibbleException(
          where + ": cannot be read: " + e.getMessage(), NibbleException.BAD_INPUT, e);
    }
  }

  private static String firstLine(String message) {
    return message == null
        ? "unreadable"
        : message.lines().findFirst().orElse("unreadable").strip();
  }

  private JsonNode document() throws IOException {
    if (parser.nextToken() == null) {
      throw new NibbleException(where + ": is empty; a recipe has at least \"steps:\"");
    }
    JsonNode root = value(0);
    if (parser.nextToken() != null) {
      throw problem("holds a second YAML document; keep one recipe in a file");
    }
    return root;
  }

  /** The value that starts at the current token. */
  private JsonNode value(int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw problem("is nested deeper than " + MAX_DEPTH + " levels; flatten it");
    }
    if (parser.isCurrentAlias() || parser.getObjectId() != null) {
      throw problem("uses a YAML anchor or alias; write the value out");
    }
    if (parser.getTypeId() != null) {
      throw problem("uses a YAML tag (!" + parser.getTypeId() + "); write a plain value");
    }
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    return switch (parser.currentToken()) {
      case START_OBJECT -> object(depth);
      case START_ARRAY -> array(depth);
      case VALUE_STRING -> nodes.textNode(parser.getText());
      case VALUE_NUMBER_INT ->
          parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? nodes.numberNode(parser.getBigIntegerValue())
              : nodes.numberNode(parser.getLongValue());
      case VALUE_NUMBER_FLOAT -> nodes.numberNode(parser.getDoubleValue());
      case VALUE_TRUE -> nodes.booleanNode(true);
      case VALUE_FALSE -> nodes.booleanNode(false);
      case VALUE_NULL -> nodes.nullNode();
      default -> throw problem("holds something that is not a plain value");
    };
  }

  private ObjectNode object(int depth) throws IOException {
    ObjectNode out = JsonNodeFactory.instance.objectNode();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      if (out.has(key)) {
        throw problem("has the key \"" + key + "\" twice; keep one");
      }
      parser.nextToken();
      out.set(key, value(depth + 1));
    }
    return out;
  }

  private ArrayNode array(int depth) throws IOException {
    ArrayNode out = JsonNodeFactory.instance.arrayNode();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      out.add(value(depth + 1));
    }
    return out;
  }

  private NibbleException problem(String what) {
    var at = parser.currentTokenLocation();
    return new NibbleException(
        where + ": " + position(at.getLineNr(), at.getColumnNr()) + " " + what);
  }

  private static String position(int line, int column) {
    return "line " + line + (column < 0 ? "" : ", column " + column);
  }
}
