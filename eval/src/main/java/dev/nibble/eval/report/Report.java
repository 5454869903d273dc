package dev.nibble.eval.report;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A report of any verb: quantize, evaluate, compare, train.
 *
 * @param title what was done to what, as {@code "tiny-lm · gptq-w4"}
 * @param subtitle one line below it: date, version, machine
 * @param sections in the order of reading, with distinct keys
 */
public record Report(String title, String subtitle, List<Section> sections) {

  /** Checks that keys are distinct. */
  public Report {
    sections = List.copyOf(sections);
    Set<String> keys = new HashSet<>();
    for (Section section : sections) {
      if (!keys.add(section.key())) {
        throw new IllegalArgumentException("two sections named " + section.key());
      }
    }
  }
}
