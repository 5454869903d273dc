package dev.nibble.pipeline.check;

import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.recipe.Recipe;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Model;
import dev.nibble.models.Site;
import dev.nibble.pipeline.export.ExportFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Compares a recipe with the model it is to be applied to. */
public final class RecipeCheck {
  /** Measurements that {@code evaluate:} may name. */
  public static final List<String> MEASUREMENTS = List.of("perplexity", "kld");

  /** Formats that {@code export:} may name. */
  public static final List<String> FORMATS =
      Stream.concat(
              Stream.of("nibble"), Arrays.stream(ExportFormat.values()).map(ExportFormat::toString))
          .toList();

  private RecipeCheck() {}

  /**
   * Asks every step before anything is prepared.
   *
   * @throws NibbleException with all reasons when the recipe does not fit
   */
  public static void architecture(Recipe recipe, ModelConfig config) {
    List<String> problems = new ArrayList<>();
    for (RecipeStep step : recipe.steps()) {
      for (String objection : step.step().objections(config)) {
        problems.add(step.name() + ": " + objection);
      }
    }
    unknown(problems, "evaluate", recipe.evaluate(), MEASUREMENTS);
    unknown(problems, "export", recipe.export(), FORMATS);
    fail(recipe, problems);
  }

  private static void unknown(
      List<String> problems, String field, List<String> given, List<String> known) {
    for (String name : given) {
      if (!known.contains(name)) {
        problems.add(
            field + ": unknown name \"" + name + "\", known are " + String.join(", ", known));
      }
    }
  }

  /**
   * Looks at what steps will store, once their rewrites are installed.
   *
   * @param allocation what the steps decided
   * @throws NibbleException when a step would store a tensor that the artefact does not have
   */
  public static void storage(Recipe recipe, Model model, Allocation allocation) {
    List<String> problems = new ArrayList<>();
    if (model.config().tiedHead()) {
      List<Site> heads =
          model.blocks().stream()
              .filter(b -> b.kind() == BlockHandle.Kind.HEAD)
              .flatMap(b -> b.sites().stream())
              .filter(site -> site.name().equals(TensorNames.HEAD))
              .toList();
      for (RecipeStep step : recipe.steps()) {
        if (heads.stream().anyMatch(site -> step.step().stores(site, allocation).isPresent())) {
          problems.add(
              step.name()
                  + ": the model's head is its embedding, so it has no spec of its own; set"
                  + " embedding: instead of head:");
        }
      }
    }
    assumptions(problems, recipe, model, allocation);
    fail(recipe, problems);
  }

  /** A step that prepares weights for a spec, and nothing that stores any with it. */
  private static void assumptions(
      List<String> problems, Recipe recipe, Model model, Allocation allocation) {
    List<Site> sites = model.blocks().stream().flatMap(b -> b.sites().stream()).toList();
    for (int i = 0; i < recipe.steps().size(); i++) {
      RecipeStep step = recipe.steps().get(i);
      List<RecipeStep> later = recipe.steps().subList(i + 1, recipe.steps().size());
      TreeSet<String> assumed = new TreeSet<>();
      TreeSet<String> stored = new TreeSet<>();
      for (Site site : sites) {
        step.step().assumes(site).ifPresent(spec -> assumed.add(spec.text()));
        later.stream()
            .flatMap(other -> other.step().stores(site, allocation).stream())
            .forEach(form -> stored.add(form.text()));
      }
      if (!assumed.isEmpty() && assumed.stream().noneMatch(stored::contains)) {
        problems.add(
            step.name()
                + ": prepares weights for "
                + String.join(", ", assumed)
                + ", but later steps store "
                + (stored.isEmpty() ? "none" : "them as " + String.join(", ", stored))
                + "; give both the same spec");
      }
    }
  }

  private static void fail(Recipe recipe, List<String> problems) {
    if (!problems.isEmpty()) {
      throw new NibbleException(
          "recipe "
              + recipe.name()
              + " does not fit the model: "
              + String.join("; ", new TreeSet<>(problems)));
    }
  }
}
