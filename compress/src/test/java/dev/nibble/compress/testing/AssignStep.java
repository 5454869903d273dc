package dev.nibble.compress.testing;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.Step;
import dev.nibble.compress.allocate.Assignment;
import dev.nibble.models.Site;
import java.util.function.Function;

/** Decides for every linear site of the decoder blocks as a function says. */
public record AssignStep(Function<Site, Assignment> decide) implements Step {
  @Override
  public Needs needs() {
    return Needs.NOTHING;
  }

  @Override
  public void prepare(ModelTask task) {
    task.model().blocks().stream()
        .flatMap(block -> block.sites().stream())
        .filter(site -> site.name().startsWith("model.layers."))
        .forEach(site -> task.allocation().assign(site.name(), decide.apply(site)));
  }
}
