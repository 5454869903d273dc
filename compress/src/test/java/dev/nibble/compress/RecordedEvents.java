package dev.nibble.compress;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Events kept for assertions. */
public final class RecordedEvents implements Events {

  /** An event. */
  public record Recorded(String kind, String site, String what) {}

  /** A solved site. */
  public record Solved(String spec, double relativeError, double rtnRelativeError) {}

  private final List<Recorded> recorded = Collections.synchronizedList(new ArrayList<>());
  private final Map<String, Solved> solved = Collections.synchronizedMap(new LinkedHashMap<>());

  @Override
  public void record(String kind, String site, String what) {
    recorded.add(new Recorded(kind, site, what));
  }

  @Override
  public void solved(String site, String spec, double relativeError, double rtnRelativeError) {
    solved.put(site, new Solved(spec, relativeError, rtnRelativeError));
  }

  /** Everything recorded, in order. */
  public List<Recorded> recorded() {
    return recorded;
  }

  /** Solved sites by name, in order. */
  public Map<String, Solved> solved() {
    return solved;
  }

  /** Events of this kind, in order. */
  public List<Recorded> of(String kind) {
    return recorded.stream().filter(r -> r.kind().equals(kind)).toList();
  }

  /** Sites with an event of this kind. */
  public List<String> sites(String kind) {
    return of(kind).stream().map(Recorded::site).toList();
  }
}
