package dev.nibble.compress.allocate;

import dev.nibble.compress.recipe.OptionReader;
import dev.nibble.core.NibbleException;
import dev.nibble.core.spec.QuantSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * A way to store weights that an allocator may choose.
 *
 * @param text as the recipe writes it: a spec, or {@value #KEEP}
 * @param assignment what a site at this level is assigned
 */
record Level(String text, Assignment assignment) {
  /** Stays 16-bit. */
  static final String KEEP = "keep";

  /**
   * A level from its text.
   *
   * @throws NibbleException naming {@code where} when it is neither a spec nor {@value #KEEP}
   */
  static Level parse(String text, String where) {
    if (KEEP.equals(text.strip())) {
      return new Level(KEEP, new Assignment.Kept());
    }
    try {
      QuantSpec spec = QuantSpec.parse(text);
      return new Level(spec.text(), new Assignment.Uniform(spec));
    } catch (NibbleException e) {
      throw new NibbleException(
          where + ": " + e.getMessage() + "; or write " + KEEP + " for 16 bits",
          NibbleException.USAGE,
          e);
    }
  }

  /** The option {@code levels}: at least two different ones. */
  static List<Level> list(OptionReader options, List<String> fallback) {
    String where = options.where() + ".levels";
    List<Level> out = new ArrayList<>();
    for (String text : options.texts("levels", fallback)) {
      Level level = parse(text, where);
      if (out.stream().anyMatch(other -> other.text().equals(level.text()))) {
        throw new NibbleException(where + ": " + level.text() + " stands there twice");
      }
      out.add(level);
    }
    if (out.size() < 2) {
      throw new NibbleException(
          where + ": expected at least two to choose from, as [ int2:g32, int4:g32 ]");
    }
    return List.copyOf(out);
  }
}
