package dev.nibble.pipeline.run;

import dev.nibble.compress.Events;
import dev.nibble.pipeline.journal.RunEvent;
import dev.nibble.pipeline.journal.SolvedSite;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Collects what steps report, in an order that does not depend on threads. */
final class UnitEvents implements Events {
  private final List<RunEvent> events = new ArrayList<>();
  private final Map<String, SolvedSite> solved = new TreeMap<>();

  @Override
  public synchronized void record(String kind, String site, String what) {
    events.add(new RunEvent(kind, site, what));
  }

  @Override
  public synchronized void solved(
      String site, String spec, double relativeError, double rtnRelativeError) {
    solved.put(site, new SolvedSite(site, spec, relativeError, rtnRelativeError));
  }

  /** Everything recorded, sorted. */
  synchronized List<RunEvent> events() {
    return events.stream().sorted().toList();
  }

  /** The last word on each solved site, sorted. */
  synchronized List<SolvedSite> solvedSites() {
    return List.copyOf(solved.values());
  }
}
