package dev.nibble.pipeline.journal;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.nibble.compress.block.SolvedSite;
import dev.nibble.compress.block.StepEvent;
import dev.nibble.io.json.JsonFields;
import java.util.List;

/** JSON form of what steps report; errors that are no finite number are written as null. */
public final class StepJson {
  private StepJson() {}

  /** Solved sites. */
  public static ArrayNode solved(List<SolvedSite> sites) {
    ArrayNode out = JsonNodeFactory.instance.arrayNode();
    for (SolvedSite s : sites) {
      out.addObject()
          .put("site", s.site())
          .put("spec", s.spec())
          .put("relative_error", finite(s.relativeError()))
          .put("rtn_relative_error", finite(s.rtnRelativeError()));
    }
    return out;
  }

  private static Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  /** A solved site. */
  public static SolvedSite solved(JsonFields in) {
    return new SolvedSite(
        in.string("site"),
        in.string("spec"),
        in.number("relative_error", 0, Double.MAX_VALUE, Double.NaN),
        in.number("rtn_relative_error", 0, Double.MAX_VALUE, Double.NaN));
  }

  /** Events. */
  public static ArrayNode events(List<StepEvent> events) {
    ArrayNode out = JsonNodeFactory.instance.arrayNode();
    for (StepEvent e : events) {
      out.addObject().put("kind", e.kind()).put("site", e.site()).put("what", e.what());
    }
    return out;
  }

  /** An event. */
  public static StepEvent event(JsonFields in) {
    return new StepEvent(in.string("kind"), in.string("site"), in.string("what"));
  }
}
