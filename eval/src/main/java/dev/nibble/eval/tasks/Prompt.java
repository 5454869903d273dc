package dev.nibble.eval.tasks;

import java.util.Collections;
import java.util.List;

/**
 * A row of a task's data in the task's wording. Either one context with several answers, or (for
 * WinoGrande) several contexts with one answer.
 *
 * @param group subject that shots must share and groups are averaged over, or ""
 * @param contexts one, or as many as there are choices
 * @param answers one, or as many as there are choices; the delimiting space is not part of them
 * @param correct indices of the true choices, not empty; the first is the gold answer
 */
public record Prompt(
    String group, List<String> contexts, List<String> answers, List<Integer> correct) {

  /** Copies the lists. */
  public Prompt {
    contexts = List.copyOf(contexts);
    answers = List.copyOf(answers);
    correct = List.copyOf(correct);
    if (contexts.isEmpty()
        || answers.isEmpty()
        || correct.isEmpty()
        || (contexts.size() > 1 && answers.size() > 1)
        || correct.stream().anyMatch(c -> c < 0)
        || Collections.max(correct) >= Math.max(contexts.size(), answers.size())) {
      throw new IllegalArgumentException("no prompt");
    }
  }

  /** One context, one true answer. */
  static Prompt of(String context, List<String> answers, int gold) {
    return new Prompt("", List.of(context), answers, List.of(gold));
  }

  /** Number of choices. */
  int choices() {
    return Math.max(contexts.size(), answers.size());
  }

  String context(int choice) {
    return contexts.get(contexts.size() == 1 ? 0 : choice);
  }

  String answer(int choice) {
    return answers.get(answers.size() == 1 ? 0 : choice);
  }

  int gold() {
    return correct.getFirst();
  }

  /** The row as an example: context, space, true answer. */
  String solved() {
    return context(gold()) + " " + answer(gold());
  }
}
