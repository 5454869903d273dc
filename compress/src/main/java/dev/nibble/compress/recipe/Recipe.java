package dev.nibble.compress.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.NibbleException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What to do to a model: an ordered list of steps, and what they calibrate on.
 *
 * <pre>
 * name: my-recipe                  # default: the name of the file or preset
 * summary: one line for listings   # default: empty
 * seed: 0                          # default: 0
 * calibration: { data: bundled, samples: 64, length: 512, seed: 0 }
 * steps:                           # in order of execution; at least one
 *   - gptq: { spec: "int4:g128" }
 *   - rtn                          # a step without options
 * evaluate: [ perplexity, kld ]    # default
 * export: [ nibble ]               # default
 * </pre>
 *
 * @param name for listings and provenance
 * @param summary one line, possibly empty
 * @param calibration text that steps look at
 * @param steps in order of execution, validated
 * @param evaluate names of measurements; the pipeline knows which exist
 * @param export names of file formats; the pipeline knows which exist
 * @param seed root of every random choice
 */
public record Recipe(
    String name,
    String summary,
    Calibration calibration,
    List<RecipeStep> steps,
    List<String> evaluate,
    List<String> export,
    long seed) {

  private static final List<String> EVALUATE = List.of("perplexity", "kld");
  private static final List<String> EXPORT = List.of("nibble");
  private static final int MAX_STEPS = 64;

  /** Copies the lists. */
  public Recipe {
    steps = List.copyOf(steps);
    evaluate = List.copyOf(evaluate);
    export = List.copyOf(export);
  }

  /**
   * Parses and validates a recipe with the steps on the class path.
   *
   * @param where file or preset name, for messages and as the default name
   * @throws NibbleException naming {@code where}, the field, what was found and what is expected
   */
  public static Recipe parse(String yaml, String where) {
    return parse(yaml, where, StepRegistry.load());
  }

  /** As the other, with the steps of {@code registry}. */
  public static Recipe parse(String yaml, String where, StepRegistry registry) {
    JsonNode root = YamlTree.read(yaml, where);
    if (!root.isObject()) {
      throw new NibbleException(
          where + ": a recipe is a map with \"steps:\" and other keys, not " + clip(root));
    }
    OptionReader reader = new OptionReader(where + ":", root);
    long seed = reader.whole("seed", 0);
    Recipe recipe =
        new Recipe(
            reader.text("name", defaultName(where)),
            reader.text("summary", ""),
            Calibration.from(reader.child("calibration"), seed),
            steps(reader.node("steps"), where, registry),
            reader.texts("evaluate", EVALUATE),
            reader.texts("export", EXPORT),
            seed);
    reader.rejectUnknown();
    return recipe;
  }

  /** {@code dir/my.yaml} → {@code my}. */
  private static String defaultName(String where) {
    String file = where.substring(Math.max(where.lastIndexOf('/'), where.lastIndexOf('\\')) + 1);
    return file.replaceFirst("\\.ya?ml$", "");
  }

  private static List<RecipeStep> steps(JsonNode list, String where, StepRegistry registry) {
    if (list == null || !list.isArray() || list.isEmpty() || list.size() > MAX_STEPS) {
      throw new NibbleException(
          where
              + ": steps: expected a list of 1 to "
              + MAX_STEPS
              + " steps, as \"- gptq: { spec: int4:g128 }\", found "
              + (list == null ? "none" : clip(list)));
    }
    List<RecipeStep> out = new ArrayList<>();
    for (JsonNode entry : list) {
      String at = where + ": steps[" + out.size() + "]";
      String name;
      JsonNode options;
      if (entry.isTextual()) {
        name = entry.textValue();
        options = null;
      } else if (entry.isObject() && entry.size() == 1) {
        Map.Entry<String, JsonNode> only = entry.properties().iterator().next();
        name = only.getKey();
        options = only.getValue();
      } else {
        throw new NibbleException(
            at + ": expected one step name with its options, found " + clip(entry));
      }
      out.add(step(name, options, at, registry));
    }
    return out;
  }

  private static RecipeStep step(String name, JsonNode options, String at, StepRegistry registry) {
    ObjectNode map =
        switch (options) {
          case null -> JsonNodeFactory.instance.objectNode();
          case ObjectNode object -> object;
          // "- rtn:" with nothing after the colon
          case JsonNode none
              when none.isNull() || (none.isTextual() && none.textValue().isEmpty()) ->
              JsonNodeFactory.instance.objectNode();
          default ->
              throw new NibbleException(
                  at + "." + name + ": expected a map of options, found " + clip(options));
        };
    return new RecipeStep(name, registry.create(name, at, map), map);
  }

  private static String clip(JsonNode node) {
    String text = node.toString();
    return text.length() <= 80 ? text : text.substring(0, 77) + "...";
  }

  /**
   * The recipe as YAML with every default written out; {@code parse(toYaml(), …)} gives an equal
   * tree.
   */
  public String toYaml() {
    return RecipeText.yaml(this);
  }

  /**
   * One line of JSON, keys sorted, of everything that the artefact's weights depend on:
   * calibration, steps and seed. What is measured or exported afterwards, the name and the summary
   * are not part of it, so that they may change between an interrupted run and its resumption.
   */
  public String canonical() {
    return RecipeText.canonical(this);
  }

  /**
   * Fields of {@link #canonical()} in which {@code now} differs from this recipe, in order, each as
   * {@code steps[0].gptq.spec: was "int4:g128", now "int3:g128"}; empty when the weights would come
   * out the same.
   */
  public List<String> differences(Recipe now) {
    return RecipeText.differences(this, now);
  }
}
