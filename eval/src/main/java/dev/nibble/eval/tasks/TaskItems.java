package dev.nibble.eval.tasks;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.io.data.PythonRandom;
import dev.nibble.io.data.Records;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Reads a task's rows and puts examples before them. */
final class TaskItems {
  /**
   * An item ready to be scored.
   *
   * @param prompt the row alone
   * @param preamble header and examples that precede each context
   */
  record Item(Prompt prompt, String preamble) {
    String context(int choice) {
      return preamble + prompt.context(choice);
    }

    /** A request per choice. */
    List<Request> requests() {
      List<Request> requests = new ArrayList<>();
      for (int i = 0; i < prompt.choices(); i++) {
        requests.add(new Request(context(i), " " + prompt.answer(i)));
      }
      return requests;
    }
  }

  private final TaskDefinition task;
  private final TaskOptions options;
  private final int shots;

  TaskItems(TaskDefinition task, TaskOptions options) {
    this.task = task;
    this.options = options;
    this.shots = options.shots() < 0 ? task.shots() : options.shots();
  }

  int shots() {
    return shots;
  }

  /** The items to score, at most the limit of each group. */
  List<Item> read(DataCatalog data) {
    List<Prompt> rows = prompts(data, task.test());
    List<Prompt> examples =
        shots == 0 ? List.of() : task.examplesAreScored() ? rows : prompts(data, task.examples());
    PythonRandom random = new PythonRandom(options.seed());
    Map<String, Integer> taken = new HashMap<>();
    List<Item> items = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      Prompt row = rows.get(i);
      if (options.limit() == 0 || taken.merge(row.group(), 1, Integer::sum) <= options.limit()) {
        items.add(new Item(row, preamble(row, i, examples, random)));
      }
    }
    return items;
  }

  private List<Prompt> prompts(DataCatalog data, TaskDefinition.Source source) {
    Path file = data.file(source.file());
    List<Prompt> prompts = new ArrayList<>();
    try (Records records = Records.open(file, source.array())) {
      while (records.hasNext()) {
        ObjectNode row = records.next();
        prompts.add(prompt(file, prompts.size() + 1, row));
      }
    }
    if (prompts.isEmpty()) {
      throw new ModelFormatException(file, "", "holds no rows");
    }
    return prompts;
  }

  private Prompt prompt(Path file, int number, ObjectNode row) {
    try {
      return task.prompt().apply(row);
    } catch (ModelFormatException e) {
      throw e;
    } catch (NibbleException e) {
      throw new ModelFormatException(file, "row " + number, e.getMessage(), e);
    } catch (IllegalArgumentException e) {
      throw new ModelFormatException(
          file, "row " + number, "its right answer is not among its choices", e);
    }
  }

  private String preamble(Prompt row, int index, List<Prompt> examples, PythonRandom random) {
    StringBuilder text = new StringBuilder(task.header().apply(row.group()));
    for (Prompt example : choose(row, index, examples, random)) {
      text.append(example.solved()).append("\n\n");
    }
    return text.toString();
  }

  private List<Prompt> choose(Prompt row, int index, List<Prompt> examples, PythonRandom random) {
    if (shots == 0) {
      return List.of();
    }
    boolean own = task.examplesAreScored();
    if (task.sampling() == TaskDefinition.Sampling.FIRST) {
      return IntStream.range(0, examples.size())
          .filter(i -> !(own && i == index))
          .mapToObj(examples::get)
          .filter(e -> e.group().equals(row.group()))
          .limit(shots)
          .toList();
    }
    int wanted = own ? shots + 1 : shots;
    if (wanted > examples.size()) {
      throw new NibbleException(
          "%s: %d examples are asked for and there are %d"
              .formatted(task.name(), wanted, examples.size()));
    }
    List<Prompt> chosen = new ArrayList<>();
    for (int drawn : random.sample(examples.size(), wanted)) {
      if (!(own && drawn == index)) {
        chosen.add(examples.get(drawn));
      }
    }
    return chosen.subList(0, shots);
  }
}
