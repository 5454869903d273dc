package dev.nibble.compress.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The text of a recipe, split into what is trained on and what is kept for evaluation. The split
 * depends on the documents' order alone: every {@code 1 / heldOut}-th is kept.
 *
 * @param parts one for every source
 */
public record TrainingText(List<Part> parts) {

  /**
   * A source's documents.
   *
   * @param source where they come from
   * @param training to train on
   * @param heldOut to evaluate on
   */
  public record Part(TextSource source, List<String> training, List<String> heldOut) {

    /** Characters trained on. */
    public long characters() {
      return training.stream().mapToLong(String::length).sum();
    }
  }

  /**
   * Reads and cleans all sources.
   *
   * @param files what <code>${key}</code> in a source's path stands for
   */
  public static TrainingText read(TrainRecipe recipe, Map<String, Path> files) {
    return new TrainingText(recipe.sources().stream().map(s -> part(s, files)).toList());
  }

  static Part part(TextSource source, Map<String, Path> files) {
    List<String> training = new ArrayList<>();
    List<String> heldOut = new ArrayList<>();
    for (String document : SourceReader.documents(source, files)) {
      int index = training.size() + heldOut.size() + 1;
      boolean kept = Math.floor(index * source.heldOut()) > heldOut.size();
      (kept ? heldOut : training).add(document);
    }
    return new Part(source, List.copyOf(training), List.copyOf(heldOut));
  }
}
