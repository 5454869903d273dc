package dev.nibble.eval.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.eval.tasks.TaskDefinition.Kind;
import dev.nibble.eval.tasks.TaskDefinition.Sampling;
import dev.nibble.eval.tasks.TaskDefinition.Source;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** TruthfulQA's multiple-choice forms, after the data set's own question-and-answer primer. */
final class TruthfulQa {
  private static final Source DATA = new Source("zero-shot/truthfulqa-mc.json.gz", "");
  private static final String PRIMER = primer();

  private TruthfulQa() {}

  private static String primer() {
    try (InputStream in = TruthfulQa.class.getResourceAsStream("truthfulqa-primer.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One choice is true; it comes first in the data. */
  static TaskDefinition mc1() {
    return task("truthfulqa_mc1", "mc1_targets", Metric.ACC);
  }

  /** Several choices are true. */
  static TaskDefinition mc2() {
    return task("truthfulqa_mc2", "mc2_targets", Metric.TRUE_MASS);
  }

  private static TaskDefinition task(String name, String targets, Metric metric) {
    return new TaskDefinition(
        name,
        1,
        "validation",
        DATA,
        DATA,
        0,
        Sampling.FIRST,
        Kind.CHOICE,
        List.of(metric),
        row -> prompt(row, targets),
        g -> "");
  }

  private static Prompt prompt(ObjectNode row, String targets) {
    JsonNode choices = row.get(targets);
    if (choices == null || !choices.isObject()) {
      throw Rows.missing(targets, "choices with 0 or 1");
    }
    List<String> answers = new ArrayList<>();
    List<Integer> correct = new ArrayList<>();
    choices
        .properties()
        .forEach(
            e -> {
              if (e.getValue().asInt() == 1) {
                correct.add(answers.size());
              }
              answers.add(e.getKey());
            });
    if (correct.isEmpty()) {
      throw Rows.missing(targets, "a true choice");
    }
    String context = PRIMER + "\n\nQ: " + Rows.text(row, "question") + "\nA:";
    return new Prompt("", List.of(context), answers, correct);
  }
}
