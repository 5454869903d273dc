package dev.nibble.compress.testing;

import dev.nibble.compress.Events;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Keeps what steps record. */
public final class RecordedEvents implements Events {
  /** One event; solved sites have the kind {@code solved}. */
  public record Event(String kind, String site, String what) {}

  private final List<Event> events = Collections.synchronizedList(new ArrayList<>());

  @Override
  public void record(String kind, String site, String what) {
    events.add(new Event(kind, site, what));
  }

  @Override
  public void solved(String site, String spec, double relativeError, double rtnRelativeError) {
    events.add(new Event("solved", site, spec + " " + relativeError + " " + rtnRelativeError));
  }

  /** All events so far. */
  public List<Event> all() {
    return List.copyOf(events);
  }

  /** Events of one kind. */
  public List<Event> of(String kind) {
    return all().stream().filter(e -> e.kind().equals(kind)).toList();
  }
}
