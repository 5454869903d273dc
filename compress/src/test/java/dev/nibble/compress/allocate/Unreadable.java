package dev.nibble.compress.allocate;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.op.SiteOps;
import dev.nibble.core.tensor.PackedTensor;
import java.util.Map;
import java.util.Set;

/** A model whose weights nobody may look at: proves that scores were not computed again. */
record Unreadable(ModelWeights of) implements ModelWeights {
  @Override
  public ModelConfig config() {
    return of.config();
  }

  @Override
  public Set<String> names() {
    return of.names();
  }

  @Override
  public PackedTensor tensor(String name) {
    throw new AssertionError(name + " was read");
  }

  @Override
  public Map<String, SiteOps> siteOps() {
    return of.siteOps();
  }

  @Override
  public void close() {}
}
