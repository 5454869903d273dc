package dev.nibble.eval.tasks;

import java.util.List;

/** Greedy generation, for tasks whose answers are written. */
@FunctionalInterface
public interface TextGenerator {
  /**
   * Continues a prompt, each time with the most likely token.
   *
   * @param prompt text before the answer
   * @param stops generation ends before the first of these texts appears
   * @param maxTokens most new tokens
   * @return the new text, without a stop text
   */
  String generate(String prompt, List<String> stops, int maxTokens);
}
