package dev.nibble.pipeline.study;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.compress.recipe.Presets;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.YamlTree;
import dev.nibble.core.NibbleException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The text form of studies.
 *
 * <pre>
 * name: my-study
 * title: What it asks
 * about: Some sentences.
 * datasets: [ bundled-evaluation ]
 * calibration: { data: bundled, samples: 64, length: 512 }
 * classes:
 *   - { name: compensation, idea: .., members: [ { name: GPTQ, step: gptq, idea: .. } ] }
 * methods:
 *   - { name: GPTQ, class: compensation, vary: { bits: [ 4, 3 ] }, recipe: gptq-w${bits}-g64 }
 *   - { name: RTN, vary: { bits: [ 4, 3 ] }, steps: [ { rtn: { spec: "int${bits}:g64" } } ] }
 * </pre>
 *
 * and of one method's claims:
 *
 * <pre>
 * method: quantease
 * claims:
 *   - claim: One sentence
 *     recipes: { a: PRESET, b: { steps: [ .. ] } }
 *     expect: a &lt;= b
 * </pre>
 */
final class StudyText {
  private static final ObjectMapper JSON = new ObjectMapper();

  private StudyText() {}

  /** Reads a study. */
  static Study study(String yaml, String where) {
    OptionReader in = new OptionReader(where + ":", YamlTree.read(yaml, where));
    JsonNode calibration = in.node("calibration");
    List<StudyEntry> entries = new ArrayList<>();
    for (JsonNode method : list(in.node("methods"), where + ": methods")) {
      addVariants(entries, method, calibration, where + ": methods[" + entries.size() + "]");
    }
    List<Study.MethodClass> classes = new ArrayList<>();
    for (JsonNode node : list(in.node("classes"), where + ": classes")) {
      classes.add(methodClass(new OptionReader(where + ": classes", node)));
    }
    Study out =
        new Study(
            in.text("name", where),
            in.text("title", where),
            in.text("about", ""),
            in.texts("datasets", List.of("bundled-evaluation")),
            entries,
            classes,
            List.of());
    in.rejectUnknown();
    return out;
  }

  private static List<JsonNode> list(JsonNode node, String where) {
    List<JsonNode> out = new ArrayList<>();
    if (node != null) {
      if (!node.isArray()) {
        throw new NibbleException(where + ": expected a list, found " + node);
      }
      node.forEach(out::add);
    }
    return out;
  }

  private static Study.MethodClass methodClass(OptionReader in) {
    List<Study.Member> members = new ArrayList<>();
    for (JsonNode node : list(in.node("members"), in.where() + ".members")) {
      OptionReader member = new OptionReader(in.where() + ".members", node);
      members.add(
          new Study.Member(
              member.text("name", ""), member.text("step", ""), member.text("idea", "")));
      member.rejectUnknown();
    }
    Study.MethodClass out =
        new Study.MethodClass(in.text("name", ""), in.text("idea", ""), members);
    in.rejectUnknown();
    return out;
  }

  /** One entry for each combination of what varies. */
  private static void addVariants(
      List<StudyEntry> entries, JsonNode method, JsonNode calibration, String where) {
    OptionReader in = new OptionReader(where, method);
    String name = in.text("name", "");
    String category = in.text("class", "");
    OptionReader vary = in.child("vary");
    List<Map<String, String>> settings = new ArrayList<>(List.of(Map.of()));
    for (String key : vary.keys()) {
      List<Map<String, String>> longer = new ArrayList<>();
      for (Map<String, String> known : settings) {
        for (JsonNode value : list(vary.node(key), where + ".vary." + key)) {
          Map<String, String> more = new LinkedHashMap<>(known);
          more.put(key, value.asText());
          longer.add(more);
        }
      }
      settings = longer;
    }
    for (Map<String, String> values : settings) {
      String id = id(name, values);
      entries.add(
          new StudyEntry(
              id, name, category, values, recipe(filled(method, values), id, calibration, where)));
    }
    in.text("recipe", "");
    in.node("steps");
    in.rejectUnknown();
  }

  private static String id(String method, Map<String, String> values) {
    StringBuilder out = new StringBuilder(method.toLowerCase(java.util.Locale.ROOT));
    values.forEach((key, value) -> out.append('-').append(key.charAt(0)).append(value));
    return out.toString().replaceAll("[^a-z0-9.-]+", "-");
  }

  private static JsonNode filled(JsonNode method, Map<String, String> values) {
    String text = method.toString();
    for (Map.Entry<String, String> value : values.entrySet()) {
      text = text.replace("${" + value.getKey() + "}", value.getValue());
    }
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A preset by name, or steps in place. */
  private static Recipe recipe(JsonNode node, String id, JsonNode calibration, String where) {
    if (node.isTextual()) {
      return named(Presets.load(node.textValue()), id);
    }
    if (node.path("recipe").isTextual()) {
      return named(Presets.load(node.path("recipe").textValue()), id);
    }
    ObjectNode tree = JSON.createObjectNode();
    tree.put("name", id);
    JsonNode own = node.get("calibration");
    if (own != null || calibration != null) {
      tree.set("calibration", own != null ? own : calibration);
    }
    tree.set("steps", node.get("steps"));
    return Recipe.parse(tree.toString(), where);
  }

  private static Recipe named(Recipe recipe, String id) {
    return new Recipe(
        id,
        recipe.summary(),
        recipe.calibration(),
        recipe.steps(),
        recipe.evaluate(),
        recipe.export(),
        recipe.seed());
  }

  /** What one method's source claims. */
  record Claims(List<StudyEntry> entries, List<Claim> claims) {}

  /** Reads a method's claims; ids are {@code method-name}, and the same recipe has one id. */
  static Claims claims(String yaml, String where) {
    OptionReader in = new OptionReader(where + ":", YamlTree.read(yaml, where));
    String method = in.text("method", where);
    JsonNode calibration = in.node("calibration");
    List<StudyEntry> entries = new ArrayList<>();
    List<Claim> claims = new ArrayList<>();
    for (JsonNode node : list(in.node("claims"), where + ": claims")) {
      OptionReader claim = new OptionReader(where + ": claims[" + claims.size() + "]", node);
      OptionReader recipes = claim.child("recipes");
      Map<String, String> ids = new LinkedHashMap<>();
      for (String key : recipes.keys()) {
        String id = method + "-" + (claims.size() + 1) + "-" + key;
        Recipe recipe = recipe(recipes.node(key), id, calibration, recipes.where() + "." + key);
        ids.put(key, id);
        entries.add(new StudyEntry(id, method, "", Map.of("recipe", key), recipe));
      }
      String expect = claim.text("expect", "");
      Expectation local = Expectation.parse(expect, claim.where());
      for (String name : local.names()) {
        if (!ids.containsKey(name)) {
          throw new NibbleException(
              claim.where() + ".expect: \"" + name + "\" is none of the recipes " + ids.keySet());
        }
      }
      claims.add(new Claim(method, claim.text("claim", ""), local, ids));
      claim.rejectUnknown();
    }
    in.rejectUnknown();
    return new Claims(entries, claims);
  }
}
