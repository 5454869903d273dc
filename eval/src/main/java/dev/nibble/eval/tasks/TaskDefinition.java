package dev.nibble.eval.tasks;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * A task as data.
 *
 * @param name as users type it
 * @param version rises when a change could move a score
 * @param split name of the scored split, for the report
 * @param test the scored rows
 * @param examples rows that shots are drawn from; the scored ones if that is the same source
 * @param shots usual number of examples
 * @param sampling how examples are chosen
 * @param kind what is asked of the model
 * @param metrics what is reported, the first one decides flips
 * @param prompt wording of a row
 * @param header text before all examples of a group, from the group's name
 */
public record TaskDefinition(
    String name,
    int version,
    String split,
    Source test,
    Source examples,
    int shots,
    Sampling sampling,
    Kind kind,
    List<Metric> metrics,
    Function<ObjectNode, Prompt> prompt,
    UnaryOperator<String> header) {

  /**
   * Rows of a file of the data directory.
   *
   * @param file relative path
   * @param array key of the rows in a JSON object, or ""
   */
  public record Source(String file, String array) {}

  /** How examples are chosen. */
  public enum Sampling {
    /** The first of the item's group, in file order. */
    FIRST,
    /** At random, with Python's generator, anew for each item. */
    RANDOM
  }

  /** What is asked of the model. */
  public enum Kind {
    /** To prefer one of several choices. */
    CHOICE,
    /** To continue with one given text. */
    CLOZE,
    /** To write an answer. */
    GENERATE
  }

  /** Whether shots come from the rows that are scored. */
  boolean examplesAreScored() {
    return test.equals(examples);
  }
}
