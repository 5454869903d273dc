package dev.nibble.pipeline.compare;

import dev.nibble.Nibble;
import dev.nibble.QuantizationRequest;
import dev.nibble.QuantizationResult;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.io.data.DataCatalog;
import dev.nibble.pipeline.evaluate.EvaluationOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Every recipe on every model, each into a folder of its own. A cell that is finished is taken as
 * it is, so an interrupted sweep continues where it stopped; a recipe that does not fit a model is
 * noted and skipped. An original runs once for all its recipes.
 *
 * @param models directories or GGUF files
 * @param recipes validated recipes with distinct names
 * @param folder where the artefacts go
 * @param evaluation what each is compared with its original on
 * @param data where data ids lead
 * @param threads do not change results
 * @param cache folder for scores that another run can use, empty to keep none
 * @param progress told how far it is
 */
public record Sweep(
    List<Path> models,
    List<Recipe> recipes,
    Path folder,
    EvaluationOptions evaluation,
    DataCatalog data,
    int threads,
    Optional<Path> cache,
    Progress progress) {

  /** Folder inside {@link #folder} that keeps what originals answered. */
  public static final String ORIGINALS = "originals";

  /** Copies the lists. */
  public Sweep {
    models = List.copyOf(models);
    recipes = List.copyOf(recipes);
  }

  /**
   * One model under one recipe.
   *
   * @param model name of the model
   * @param recipe name of the recipe
   * @param result the artefact, absent when it could not be made
   * @param problem why not, or ""
   */
  public record Cell(
      String model, String recipe, Optional<QuantizationResult> result, String problem) {}

  /** Runs what is left to do. */
  public List<Cell> run() {
    List<Cell> cells = new ArrayList<>();
    try (Progress.Task task =
        progress.start("compare", (long) models.size() * recipes.size(), "artefacts")) {
      for (Path model : models) {
        for (Recipe recipe : recipes) {
          cells.add(cell(model, recipe));
          task.advance(1);
        }
      }
    }
    return cells;
  }

  /** What cells call a model: its last path element. */
  public static String name(Path model) {
    return model.toAbsolutePath().normalize().getFileName().toString();
  }

  private Cell cell(Path model, Recipe recipe) {
    String name = name(model);
    Path output = folder.resolve(name + "-" + recipe.name());
    try {
      QuantizationRequest request =
          Nibble.quantize(model)
              .recipe(recipe)
              .threads(threads)
              .data(data)
              .progress(progress)
              .probe(false)
              .evaluate(evaluation.keepingOriginals(folder.resolve(ORIGINALS)));
      cache.ifPresent(request::cache);
      QuantizationResult result = request.to(output);
      if (result.log().fidelity().isEmpty()) {
        return new Cell(
            name,
            recipe.name(),
            Optional.empty(),
            output + " was made without a comparison; delete it to have it made again");
      }
      return new Cell(name, recipe.name(), Optional.of(result), "");
    } catch (NibbleException e) {
      if (e.exitCode() == NibbleException.RESOURCES) {
        throw e;
      }
      progress.note(name + " · " + recipe.name() + ": " + e.getMessage());
      return new Cell(name, recipe.name(), Optional.empty(), e.getMessage());
    }
  }
}
