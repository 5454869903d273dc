package dev.nibble.compress.train;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.compress.recipe.YamlTree;
import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A training recipe: what to train on, which tokenizer and network, and how. As YAML:
 *
 * <pre>
 * train:
 *   name: tiny-lm
 *   seed: 1
 *   sources:
 *     - { name: stories, path: data/stories.txt.gz, weight: 3, held_out: 0.04 }
 *     - { name: other, path: "${other}" }
 *   tokenizer: { vocab: 4096 }
 *   model: { hidden: 256, layers: 4, heads: 4, kv_heads: 2, ffn: 768, context: 512 }
 *   schedule: { steps: 2000, batch: 16, length: 256, learning_rate: 0.003 }
 * </pre>
 *
 * @param name of the model
 * @param seed of weights, data order and dropout
 * @param sources at least one
 * @param vocabSize tokens of the tokenizer, special ones included
 * @param model shape of the network
 * @param schedule optimization
 */
public record TrainRecipe(
    String name,
    long seed,
    List<TextSource> sources,
    int vocabSize,
    ModelShape model,
    Schedule schedule) {
  /** Copies the list. */
  public TrainRecipe {
    sources = List.copyOf(sources);
  }

  /** Reads a recipe file. */
  public static TrainRecipe load(Path file) {
    try {
      return parse(Files.readString(file), file.toString());
    } catch (IOException e) {
      throw new NibbleException(
          file + ": the training recipe cannot be read (" + e.getMessage() + ")",
          NibbleException.BAD_INPUT,
          e);
    }
  }

  /**
   * Reads a recipe.
   *
   * @param where named in messages
   */
  public static TrainRecipe parse(String yaml, String where) {
    JsonNode root = YamlTree.read(yaml, where);
    if (!root.path("train").isObject() || root.size() != 1) {
      throw new NibbleException(
          where + ": a training recipe is a map with the one key \"train\"; found " + keys(root));
    }
    OptionReader options = new OptionReader(where + ": train", root.get("train"));
    OptionReader tokenizer = options.child("tokenizer");
    TrainRecipe recipe =
        new TrainRecipe(
            options.text("name", "model"),
            options.whole("seed", 0),
            sources(options),
            tokenizer.integer("vocab", 4096, 256 + SpecialTokens.ALL.size(), 1 << 20),
            ModelShape.read(options.child("model")),
            Schedule.read(options.child("schedule")));
    options.rejectUnknown();
    if (recipe.schedule.length() > recipe.model.context()) {
      throw new NibbleException(
          options.where()
              + ".schedule.length: sequences of "
              + recipe.schedule.length()
              + " tokens exceed the model's context of "
              + recipe.model.context()
              + "; shorten them or enlarge model.context");
    }
    return recipe;
  }

  private static String keys(JsonNode node) {
    List<String> names = new ArrayList<>();
    node.fieldNames().forEachRemaining(names::add);
    return names.isEmpty() ? "no map" : "the keys " + names;
  }

  private static List<TextSource> sources(OptionReader options) {
    JsonNode list = options.node("sources");
    if (list == null || !list.isArray() || list.isEmpty()) {
      throw new NibbleException(
          options.where()
              + ".sources: expected a list of at least one text source with name and path");
    }
    List<TextSource> out = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      out.add(TextSource.read(options.where() + ".sources[" + i + "]", list.get(i)));
    }
    return out;
  }
}
