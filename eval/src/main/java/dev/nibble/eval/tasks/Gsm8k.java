package dev.nibble.eval.tasks;

import dev.nibble.eval.tasks.TaskDefinition.Kind;
import dev.nibble.eval.tasks.TaskDefinition.Sampling;
import dev.nibble.eval.tasks.TaskDefinition.Source;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** GSM8K: worked answers are written by the model, and the final number is compared. */
final class Gsm8k {
  /** Where generation stops. */
  static final List<String> STOPS = List.of("Question:", "</s>", "<|im_end|>");

  /** Most tokens of an answer. */
  static final int MAX_TOKENS = 256;

  private static final Pattern STRICT = Pattern.compile("#### (-?[0-9.,]+)");
  private static final Pattern FLEXIBLE = Pattern.compile("(-?[$0-9.,]{2,})|(-?[0-9]+)");
  private static final String INVALID = "[invalid]";

  private Gsm8k() {}

  static TaskDefinition task() {
    return new TaskDefinition(
        "gsm8k",
        1,
        "test",
        new Source("gsm8k/test.jsonl.gz", ""),
        new Source("gsm8k/train.jsonl.gz", ""),
        5,
        Sampling.RANDOM,
        Kind.GENERATE,
        List.of(Metric.STRICT_MATCH, Metric.FLEXIBLE_EXTRACT),
        row ->
            Prompt.of(
                "Question: " + Rows.text(row, "question") + "\nAnswer:",
                List.of(Rows.text(row, "answer")),
                0),
        g -> "");
  }

  /** Whether generated text gives the number of the worked answer. */
  static boolean matches(Metric metric, String generated, String answer) {
    String found = metric == Metric.STRICT_MATCH ? strict(generated) : flexible(generated);
    return normalize(found).equals(normalize(answer));
  }

  static String strict(String generated) {
    Matcher match = STRICT.matcher(generated);
    return match.find() ? match.group(1) : INVALID;
  }

  static String flexible(String generated) {
    Matcher match = FLEXIBLE.matcher(generated);
    String last = INVALID;
    while (match.find()) {
      last = match.group();
    }
    return last.strip();
  }

  static String normalize(String text) {
    String plain = text.replace(",", "").replace("$", "");
    int mark = plain.lastIndexOf("#### ");
    String rest = mark < 0 ? plain : plain.substring(mark + 5);
    return (rest.endsWith(".") ? rest.substring(0, rest.length() - 1) : rest)
        .toLowerCase(Locale.ROOT);
  }
}
