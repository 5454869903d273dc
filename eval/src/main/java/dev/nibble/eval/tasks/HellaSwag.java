package dev.nibble.eval.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/** HellaSwag's wording: how-to articles lose their markup. */
final class HellaSwag {
  private HellaSwag() {}

  /** Rows with {@code question}, lettered {@code choices} and the letter of the {@code answer}. */
  static Prompt prompt(ObjectNode row) {
    JsonNode choices = row.get("choices");
    if (choices == null || !choices.isObject() || choices.isEmpty()) {
      throw Rows.missing("choices", "lettered choices");
    }
    List<String> letters = new ArrayList<>();
    List<String> endings = new ArrayList<>();
    choices
        .properties()
        .forEach(
            e -> {
              letters.add(e.getKey());
              endings.add(clean(e.getValue().asText()));
            });
    int gold = letters.indexOf(Rows.text(row, "answer"));
    if (gold < 0) {
      throw Rows.missing("answer", "the letter of a choice");
    }
    return Prompt.of(clean(Rows.text(row, "question")).strip(), endings, gold);
  }

  /** Titles become sentence ends, other bracketed marks disappear. */
  static String clean(String text) {
    return text.strip().replace(" [title]", ". ").replaceAll("\\[.*?\\]", "").replace("  ", " ");
  }
}
