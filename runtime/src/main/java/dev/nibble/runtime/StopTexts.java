package dev.nibble.runtime;

import java.util.List;

/** Holds text back as long as it might be the beginning of a stop text. */
final class StopTexts {
  private final List<String> stops;
  private final StringBuilder held = new StringBuilder();
  private boolean hit;

  StopTexts(List<String> stops) {
    this.stops = stops;
  }

  /** Text that is safe to show after {@code piece} was added. */
  String add(String piece) {
    held.append(piece);
    int first = held.length();
    for (String stop : stops) {
      int at = held.indexOf(stop);
      if (at >= 0 && at < first) {
        first = at;
        hit = true;
      }
    }
    return release(hit ? first : held.length() - pending());
  }

  /** The rest, when nothing more comes. */
  String finish() {
    return hit ? "" : release(held.length());
  }

  /** True once a stop text has appeared. */
  boolean hit() {
    return hit;
  }

  private String release(int count) {
    String out = held.substring(0, count);
    held.delete(0, count);
    return out;
  }

  /** Length of the longest end of the held text that begins a stop text. */
  private int pending() {
    int longest = 0;
    for (String stop : stops) {
      for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
        if (held.substring(held.length() - n).equals(stop.substring(0, n))) {
          longest = n;
        }
      }
    }
    return longest;
  }
}
