package dev.nibble.compress.recipe;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.StepFactory.Taxonomy;
import dev.nibble.core.NibbleException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Gives recipes another budget than they were written with. */
public final class Budgets {
  /** Options in which allocate steps are told what they may spend. */
  private static final List<String> OPTIONS = List.of("bits", "size", "high_layers");

  /** Kinds of step that store weights. */
  private static final Set<Taxonomy> SOLVERS =
      EnumSet.of(Taxonomy.SOLVE, Taxonomy.TUNE, Taxonomy.VQ);

  private static final String STEP = "size";

  private Budgets() {}

  /**
   * The recipe with a budget for the whole file: its own allocate step is given that one, and where
   * it has none a step {@value #STEP} goes before the first solver, whose {@code spec} then no
   * longer counts.
   *
   * @param bytes as {@code 1.9MB}
   * @return named after the recipe and the budget
   */
  public static Recipe size(Recipe recipe, String bytes) {
    return with(recipe, "size", bytes);
  }

  /** The same with stored bits for each weight that is allocated. */
  public static Recipe bits(Recipe recipe, double bits) {
    return with(recipe, "bits", bits);
  }

  private static Recipe with(Recipe recipe, String option, Object value) {
    StepRegistry registry = StepRegistry.load();
    List<RecipeStep> steps = new ArrayList<>(recipe.steps());
    int at = budgeted(steps, registry);
    boolean own = at >= 0;
    if (!own) {
      at = firstSolver(recipe, steps, registry);
      steps.add(at, null);
    }
    String name = own ? steps.get(at).name() : STEP;
    ObjectNode options = own ? steps.get(at).options() : JsonNodeFactory.instance.objectNode();
    OPTIONS.forEach(options::remove);
    if (value instanceof Double number) {
      options.put(option, number);
    } else {
      options.put(option, value.toString());
    }
    String where = recipe.name() + " with another budget: steps[" + at + "]";
    steps.set(at, new RecipeStep(name, registry.create(name, where, options), options));
    return new Recipe(
        recipe.name() + "-" + value.toString().replaceAll("\\s+", ""),
        recipe.summary(),
        recipe.calibration(),
        steps,
        recipe.evaluate(),
        recipe.export(),
        recipe.seed());
  }

  private static int budgeted(List<RecipeStep> steps, StepRegistry registry) {
    for (int s = 0; s < steps.size(); s++) {
      ObjectNode options = steps.get(s).options();
      if (registry.find(steps.get(s).name()).taxonomy() == Taxonomy.ALLOCATE
          && OPTIONS.stream().anyMatch(options::has)) {
        return s;
      }
    }
    return -1;
  }

  private static int firstSolver(Recipe recipe, List<RecipeStep> steps, StepRegistry registry) {
    for (int s = 0; s < steps.size(); s++) {
      if (SOLVERS.contains(registry.find(steps.get(s).name()).taxonomy())) {
        return s;
      }
    }
    throw new NibbleException(
        "recipe "
            + recipe.name()
            + " has no step that stores weights, so there is nothing to spend a budget on; use one"
            + " with a solver, as gptq-w4");
  }
}
