package dev.nibble.pipeline.journal;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nibble.io.json.JsonFields;
import java.util.Comparator;

/**
 * Something notable that a step did: a rung of the numerics ladder, a fallback, a result kept.
 *
 * @param kind what sort, as {@code gptq.damping}
 * @param site canonical site name, or "" for the whole model
 * @param what what happened
 */
public record RunEvent(String kind, String site, String what) implements Comparable<RunEvent> {
  private static final Comparator<RunEvent> ORDER =
      Comparator.comparing(RunEvent::site)
          .thenComparing(RunEvent::kind)
          .thenComparing(RunEvent::what);

  /** JSON form. */
  public ObjectNode toJson() {
    return JsonNodeFactory.instance
        .objectNode()
        .put("kind", kind)
        .put("site", site)
        .put("what", what);
  }

  /** Reads the JSON form. */
  public static RunEvent fromJson(JsonFields in) {
    return new RunEvent(in.string("kind"), in.string("site"), in.string("what"));
  }

  @Override
  public int compareTo(RunEvent other) {
    return ORDER.compare(this, other);
  }
}
