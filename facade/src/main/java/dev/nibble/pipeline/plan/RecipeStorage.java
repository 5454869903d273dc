package dev.nibble.pipeline.plan;

import dev.nibble.compress.StorageForecast;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.models.Model;
import dev.nibble.models.Site;
import java.util.List;
import java.util.Optional;

/**
 * What a recipe would store of a model, for any allocation.
 *
 * @param source the model's tensors as they are now
 * @param model the model with the rewrites installed so far
 * @param steps of the recipe
 */
public record RecipeStorage(ModelWeights source, Model model, List<RecipeStep> steps)
    implements StorageForecast {

  /** Copies the list. */
  public RecipeStorage {
    steps = List.copyOf(steps);
  }

  @Override
  public Optional<StoredForm> form(Site site, Allocation allocation) {
    Optional<StoredForm> last = Optional.empty();
    for (RecipeStep step : steps) {
      Optional<StoredForm> form = step.step().stores(site, allocation);
      last = form.isPresent() ? form : last;
    }
    return last;
  }

  @Override
  public long fileBytes(Allocation allocation) {
    return TensorPlanner.plan(source, model, steps, allocation).fileBytes();
  }
}
