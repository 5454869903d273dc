package dev.nibble.compress.block;

import java.util.Comparator;

/**
 * Something notable that a step did: a rung of the numerics ladder, a fallback, a result kept.
 *
 * @param kind what sort, as {@code gptq.damping}
 * @param site canonical site name, or "" for the whole model
 * @param what what happened
 */
public record StepEvent(String kind, String site, String what) implements Comparable<StepEvent> {
  private static final Comparator<StepEvent> ORDER =
      Comparator.comparing(StepEvent::site)
          .thenComparing(StepEvent::kind)
          .thenComparing(StepEvent::what);

  @Override
  public int compareTo(StepEvent other) {
    return ORDER.compare(this, other);
  }
}
