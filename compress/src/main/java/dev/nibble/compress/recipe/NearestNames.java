package dev.nibble.compress.recipe;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** "Did you mean": names by edit distance (Levenshtein 1966). */
public final class NearestNames {
  private static final int SHOWN = 3;

  private NearestNames() {}

  /** A half sentence with the nearest of {@code known}, or with all of them when none is near. */
  public static String hint(String name, Collection<String> known) {
    if (known.isEmpty()) {
      return "none is known";
    }
    int near = Math.max(2, name.length() / 2);
    String lower = name.toLowerCase(Locale.ROOT);
    List<String> nearest =
        known.stream()
            .filter(k -> distance(lower, k) <= near || k.startsWith(lower))
            .sorted(
                Comparator.comparingInt((String k) -> distance(lower, k))
                    .thenComparing(Comparator.naturalOrder()))
            .limit(SHOWN)
            .toList();
    return nearest.isEmpty()
        ? "known are " + String.join(", ", known)
        : "did you mean " + String.join(" or ", nearest) + "?";
  }

  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j < row.length; j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j < row.length; j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
