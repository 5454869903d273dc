package dev.nibble.compress.recipe;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Recipes as text, and what differs between two of them. */
final class RecipeText {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private RecipeText() {}

  static String yaml(Recipe recipe) {
    ObjectNode root = NODES.objectNode();
    root.put("name", recipe.name());
    root.put("summary", recipe.summary());
    root.setAll(weights(recipe));
    root.set("evaluate", texts(recipe.evaluate()));
    root.set("export", texts(recipe.export()));
    try {
      return YAMLMapper.builder()
          .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
          .enable(YAMLGenerator.Feature.INDENT_ARRAYS_WITH_INDICATOR)
          .build()
          .writeValueAsString(root);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  static String canonical(Recipe recipe) {
    return sorted(weights(recipe)).toString();
  }

  /** What the weights depend on, in the order a reader expects. */
  private static ObjectNode weights(Recipe recipe) {
    ObjectNode root = NODES.objectNode();
    root.put("seed", recipe.seed());
    Calibration c = recipe.calibration();
    ObjectNode calibration =
        root.putObject("calibration")
            .put("data", c.data())
            .put("samples", c.samples())
            .put("length", c.length())
            .put("seed", c.seed());
    if (c.expand() > 1) {
      calibration.put("expand", c.expand());
    }
    ArrayNode steps = root.putArray("steps");
    for (RecipeStep step : recipe.steps()) {
      steps.addObject().set(step.name(), step.options());
    }
    return root;
  }

  private static ArrayNode texts(List<String> list) {
    ArrayNode out = NODES.arrayNode();
    list.forEach(out::add);
    return out;
  }

  private static JsonNode sorted(JsonNode node) {
    if (node.isArray()) {
      ArrayNode out = NODES.arrayNode();
      node.forEach(child -> out.add(sorted(child)));
      return out;
    }
    if (!node.isObject()) {
      return node;
    }
    ObjectNode out = NODES.objectNode();
    Set<String> names = new TreeSet<>();
    node.fieldNames().forEachRemaining(names::add);
    names.forEach(name -> out.set(name, sorted(node.get(name))));
    return out;
  }

  static List<String> differences(Recipe was, Recipe now) {
    List<String> out = new ArrayList<>();
    compare("", weights(was), weights(now), out);
    return out;
  }

  private static void compare(String path, JsonNode was, JsonNode now, List<String> out) {
    if (was != null && now != null && was.isObject() && now.isObject()) {
      Set<String> names = new LinkedHashSet<>();
      was.fieldNames().forEachRemaining(names::add);
      now.fieldNames().forEachRemaining(names::add);
      for (String name : names) {
        compare(path.isEmpty() ? name : path + "." + name, was.get(name), now.get(name), out);
      }
    } else if (was != null && now != null && was.isArray() && now.isArray()) {
      for (int i = 0; i < Math.max(was.size(), now.size()); i++) {
        compare(path + "[" + i + "]", was.get(i), now.get(i), out);
      }
    } else if (was == null || !was.equals(now)) {
      out.add(path + ": was " + shown(was) + ", now " + shown(now));
    }
  }

  private static String shown(JsonNode node) {
    return node == null ? "absent" : node.toString();
  }
}
