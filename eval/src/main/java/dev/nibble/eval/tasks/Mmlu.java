package dev.nibble.eval.tasks;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.eval.tasks.TaskDefinition.Kind;
import dev.nibble.eval.tasks.TaskDefinition.Sampling;
import dev.nibble.eval.tasks.TaskDefinition.Source;
import java.util.List;

/** MMLU: 57 subjects, each with its own header and five fixed examples. */
final class Mmlu {
  private static final List<String> LETTERS = List.of("A", "B", "C", "D");

  private Mmlu() {}

  static TaskDefinition task() {
    return new TaskDefinition(
        "mmlu",
        1,
        "test, 40 items of each subject",
        new Source("zero-shot/mmlu-test-subset.jsonl.gz", ""),
        new Source("zero-shot/mmlu-dev-5shot.jsonl.gz", ""),
        5,
        Sampling.FIRST,
        Kind.CHOICE,
        List.of(Metric.ACC),
        Mmlu::prompt,
        Mmlu::header);
  }

  private static Prompt prompt(ObjectNode row) {
    List<String> choices = Rows.strings(row, "choices");
    if (choices.size() != LETTERS.size()) {
      throw Rows.missing("choices", "four choices");
    }
    StringBuilder context = new StringBuilder(Rows.text(row, "question").strip());
    for (int i = 0; i < LETTERS.size(); i++) {
      context.append('\n').append(LETTERS.get(i)).append(". ").append(choices.get(i));
    }
    return new Prompt(
        Rows.text(row, "subject"),
        List.of(context.append("\nAnswer:").toString()),
        LETTERS,
        List.of(Rows.gold(row, "answer")));
  }

  private static String header(String subject) {
    return "The following are multiple choice questions (with answers) about "
        + subject.replace('_', ' ')
        + ".\n\n";
  }
}
