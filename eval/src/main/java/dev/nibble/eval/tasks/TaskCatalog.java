package dev.nibble.eval.tasks;

import static dev.nibble.eval.tasks.Rows.gold;
import static dev.nibble.eval.tasks.Rows.strings;
import static dev.nibble.eval.tasks.Rows.text;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.NibbleException;
import dev.nibble.eval.tasks.TaskDefinition.Kind;
import dev.nibble.eval.tasks.TaskDefinition.Sampling;
import dev.nibble.eval.tasks.TaskDefinition.Source;
import java.util.List;
import java.util.function.Function;

/**
 * The tasks there are. Wordings are the harness's; where the data file words a row otherwise, the
 * definition turns it back.
 */
public final class TaskCatalog {
  private static final List<Metric> BOTH = List.of(Metric.ACC, Metric.ACC_NORM);
  private static final List<Metric> ACC = List.of(Metric.ACC);

  private static final List<TaskDefinition> ALL =
      List.of(
          choice("piqa", "validation", "piqa.jsonl.gz", BOTH, r -> question(r, "query")),
          choice("arc_easy", "test", "arc_easy.jsonl.gz", BOTH, r -> question(r, "query")),
          choice(
              "arc_challenge", "test", "arc_challenge.jsonl.gz", BOTH, r -> question(r, "query")),
          choice("openbookqa", "test", "openbook_qa.jsonl.gz", BOTH, TaskCatalog::stem),
          choice("copa", "validation", "copa.jsonl.gz", ACC, TaskCatalog::copa),
          choice("boolq", "validation", "boolq.jsonl.gz", ACC, TaskCatalog::boolQ),
          choice("winogrande", "validation", "winogrande.jsonl.gz", ACC, TaskCatalog::winogrande),
          new TaskDefinition(
              "hellaswag_subset",
              1,
              "1,000 items, no activity labels",
              new Source("zero-shot/hellaswag-subset.json.gz", "test"),
              new Source("zero-shot/hellaswag-subset.json.gz", "dev"),
              0,
              Sampling.RANDOM,
              Kind.CHOICE,
              BOTH,
              HellaSwag::prompt,
              g -> ""),
          lambada(),
          sst2(),
          TruthfulQa.mc1(),
          TruthfulQa.mc2(),
          Mmlu.task(),
          Gsm8k.task());

  private TaskCatalog() {}

  /** All tasks, in the order of the help text. */
  public static List<TaskDefinition> all() {
    return ALL;
  }

  /**
   * The task of that name.
   *
   * @throws NibbleException if there is none; the message lists the names
   */
  public static TaskDefinition find(String name) {
    return ALL.stream()
        .filter(t -> t.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new NibbleException(
                    "unknown task \"%s\"; there are %s"
                        .formatted(
                            name,
                            String.join(", ", ALL.stream().map(TaskDefinition::name).toList()))));
  }

  static TaskDefinition choice(
      String name,
      String split,
      String file,
      List<Metric> metrics,
      Function<ObjectNode, Prompt> prompt) {
    Source source = new Source("zero-shot/" + file, "");
    return new TaskDefinition(
        name, 1, split, source, source, 0, Sampling.RANDOM, Kind.CHOICE, metrics, prompt, g -> "");
  }

  /** {@code Question: …⏎Answer:}, for rows whose field brings the first word. */
  private static Prompt question(ObjectNode row, String field) {
    String question = text(row, field);
    String line = question.endsWith("\n") ? question : question + "\n";
    return Prompt.of(line + "Answer:", strings(row, "choices"), gold(row, "gold"));
  }

  private static Prompt stem(ObjectNode row) {
    return Prompt.of(text(row, "query"), strings(row, "choices"), gold(row, "gold"));
  }

  /** {@code … because} or {@code … therefore} without a comma, choices in lower case. */
  private static Prompt copa(ObjectNode row) {
    String premise = text(row, "query").replaceFirst(", (because|therefore)$", " $1");
    List<String> choices =
        strings(row, "choices").stream()
            .map(c -> c.isEmpty() ? c : Character.toLowerCase(c.charAt(0)) + c.substring(1))
            .toList();
    return Prompt.of(premise, choices, gold(row, "gold"));
  }

  /** The passage has no word in front of it. */
  private static Prompt boolQ(ObjectNode row) {
    String query = text(row, "query").replaceFirst("^Passage: ", "");
    return Prompt.of(query + "\nAnswer:", strings(row, "choices"), gold(row, "gold"));
  }

  private static Prompt winogrande(ObjectNode row) {
    return new Prompt(
        "",
        strings(row, "context_options"),
        List.of(text(row, "continuation")),
        List.of(gold(row, "gold")));
  }

  private static TaskDefinition lambada() {
    Source source = new Source("zero-shot/lambada_openai.jsonl.gz", "");
    return new TaskDefinition(
        "lambada_openai",
        1,
        "test",
        source,
        source,
        0,
        Sampling.RANDOM,
        Kind.CLOZE,
        List.of(Metric.GREEDY),
        row -> Prompt.of(text(row, "context"), List.of(text(row, "continuation")), 0),
        g -> "");
  }

  private static TaskDefinition sst2() {
    return new TaskDefinition(
        "sst2",
        1,
        "validation",
        new Source("sst2/test.tsv.gz", ""),
        new Source("sst2/train.tsv.gz", ""),
        0,
        Sampling.RANDOM,
        Kind.CHOICE,
        ACC,
        row ->
            Prompt.of(
                text(row, "sentence")
                    + "\nQuestion: Is this sentence positive or negative?\nAnswer:",
                List.of("negative", "positive"),
                gold(row, "label")),
        g -> "");
  }
}
