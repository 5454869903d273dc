package dev.nibble.runtime.decoder;

import dev.nibble.core.NibbleException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Element types of a cache.
 *
 * @param keys type of the keys
 * @param values type of the values
 */
public record KvKinds(KvKind keys, KvKind values) {

  /** The same type for both. */
  public static KvKinds of(KvKind kind) {
    return new KvKinds(kind, kind);
  }

  /**
   * Reads {@code q8} (both), or {@code k=q8,v=q4} in either order.
   *
   * @throws NibbleException for anything else
   */
  public static KvKinds parse(String text) {
    String[] parts = text.strip().toLowerCase(Locale.ROOT).split(",", -1);
    if (parts.length == 1 && !parts[0].contains("=")) {
      return of(kind(parts[0], text));
    }
    KvKind keys = null;
    KvKind values = null;
    for (String part : parts) {
      if (part.startsWith("k=") && keys == null) {
        keys = kind(part.substring(2), text);
      } else if (part.startsWith("v=") && values == null) {
        values = kind(part.substring(2), text);
      } else {
        throw unknown(text);
      }
    }
    if (keys == null || values == null) {
      throw unknown(text);
    }
    return new KvKinds(keys, values);
  }

  private static KvKind kind(String name, String text) {
    return Arrays.stream(KvKind.values())
        .filter(kind -> kind.toString().equals(name))
        .findFirst()
        .orElseThrow(() -> unknown(text));
  }

  private static NibbleException unknown(String text) {
    String names =
        Arrays.stream(KvKind.values()).map(KvKind::toString).collect(Collectors.joining(", "));
    return new NibbleException(
        "--cache takes one of "
            + names
            + ", or one for keys and one for values as in k=q8,v=q4, but was given '"
            + text
            + "'");
  }

  /** The text that {@link #parse} reads. */
  @Override
  public String toString() {
    return keys == values ? keys.toString() : "k=" + keys + ",v=" + values;
  }
}
