package dev.nibble.compress.recipe;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.compress.Step;
import dev.nibble.compress.StepFactory;
import dev.nibble.core.NibbleException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;

/** The steps that recipes may name. */
public final class StepRegistry {
  private final Map<String, StepFactory> byName = new TreeMap<>();

  private StepRegistry(Iterable<StepFactory> factories) {
    for (StepFactory factory : factories) {
      StepFactory other = byName.put(factory.name(), factory);
      if (other != null) {
        throw new NibbleException(
            "two steps are called \""
                + factory.name()
                + "\" ("
                + other.getClass().getName()
                + " and "
                + factory.getClass().getName()
                + "); take one of their jars off the class path");
      }
    }
  }

  /** Every {@link StepFactory} service on the class path. */
  public static StepRegistry load() {
    return new StepRegistry(ServiceLoader.load(StepFactory.class));
  }

  /** Exactly these steps. */
  public static StepRegistry of(Collection<? extends StepFactory> factories) {
    return new StepRegistry(List.copyOf(factories));
  }

  /** All factories, by taxonomy and then by name. */
  public List<StepFactory> all() {
    List<StepFactory> out = new ArrayList<>(byName.values());
    out.sort(Comparator.comparing(StepFactory::taxonomy).thenComparing(StepFactory::name));
    return out;
  }

  /**
   * The factory of a step.
   *
   * @throws NibbleException with the nearest names when there is none
   */
  public StepFactory find(String name) {
    StepFactory found = byName.get(name);
    if (found == null) {
      throw new NibbleException(
          "unknown step \"" + name + "\"; " + NearestNames.hint(name, byName.keySet()));
    }
    return found;
  }

  /**
   * Makes a step and refuses options that it did not ask for.
   *
   * @param where path of the entry for messages, as {@code "my.yaml: steps[0]"}
   * @param options null for none
   */
  public Step create(String name, String where, ObjectNode options) {
    StepFactory factory = byName.get(name);
    if (factory == null) {
      throw new NibbleException(
          where + ": unknown step \"" + name + "\"; " + NearestNames.hint(name, byName.keySet()));
    }
    OptionReader reader = new OptionReader(where + "." + name, options);
    Step step = factory.create(reader);
    reader.rejectUnknown();
    return step;
  }
}
