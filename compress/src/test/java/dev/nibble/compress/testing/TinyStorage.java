package dev.nibble.compress.testing;

import dev.nibble.compress.Step;
import dev.nibble.compress.StorageForecast;
import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Model;
import dev.nibble.models.Site;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What steps would store: as the pipeline counts it, but with a header of no size and everything
 * plain at 16 bits.
 */
public record TinyStorage(Model model, List<? extends Step> steps) implements StorageForecast {

  @Override
  public Optional<StoredForm> form(Site site, Allocation allocation) {
    Optional<StoredForm> last = Optional.empty();
    for (Step step : steps) {
      Optional<StoredForm> form = step.stores(site, allocation);
      last = form.isPresent() ? form : last;
    }
    return last;
  }

  @Override
  public long fileBytes(Allocation allocation) {
    Map<String, StoredForm> forms = new HashMap<>();
    model.blocks().stream()
        .flatMap(block -> block.sites().stream())
        .forEach(
            site ->
                form(site, allocation)
                    .ifPresent(form -> forms.put(TensorNames.weight(site.name()), form)));
    long bytes = 0;
    for (Map.Entry<String, long[]> tensor : TensorLayout.all(model.config()).entrySet()) {
      StoredForm form = forms.get(tensor.getKey());
      long elements = Arrays.stream(tensor.getValue()).reduce(1, (a, b) -> a * b);
      bytes += form == null ? 2 * elements : form.sized(tensor.getValue()).byteSize();
    }
    return bytes;
  }
}
