package dev.nibble.compress.block;

import dev.nibble.compress.Events;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Collects what steps report, in an order that does not depend on threads. */
public final class CollectedEvents implements Events {
  private final List<StepEvent> events = new ArrayList<>();
  private final Map<String, SolvedSite> solved = new TreeMap<>();

  @Override
  public synchronized void record(String kind, String site, String what) {
    events.add(new StepEvent(kind, site, what));
  }

  @Override
  public synchronized void solved(
      String site, String spec, double relativeError, double rtnRelativeError) {
    solved.put(site, new SolvedSite(site, spec, relativeError, rtnRelativeError));
  }

  /** Everything recorded, sorted. */
  public synchronized List<StepEvent> events() {
    return events.stream().sorted().toList();
  }

  /** The last word on each solved site, sorted. */
  public synchronized List<SolvedSite> solvedSites() {
    return List.copyOf(solved.values());
  }
}
