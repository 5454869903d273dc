package dev.nibble.pipeline.study;

import dev.nibble.compress.recipe.NearestNames;
import dev.nibble.core.NibbleException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The studies that come with Nibble. */
public final class Studies {
  /** Name of the study of every method's claims. */
  public static final String YARDSTICKS = "yardsticks";

  private static final List<String> GRIDS = List.of("ptq-bench", "qwen3");

  private Studies() {}

  /** Names of all studies. */
  public static List<String> names() {
    List<String> out = new ArrayList<>(GRIDS);
    out.add(YARDSTICKS);
    return List.copyOf(out);
  }

  /**
   * A study by name.
   *
   * @throws NibbleException with the names there are
   */
  public static Study load(String name) {
    if (name.equals(YARDSTICKS)) {
      return yardsticks();
    }
    if (!GRIDS.contains(name)) {
      throw new NibbleException(
          "unknown study \"" + name + "\"; " + NearestNames.hint(name, names()));
    }
    return StudyText.study(text(name + ".yaml"), name);
  }

  /** Methods whose claims are checked, in alphabetical order. */
  static List<String> claimants() {
    return text("yardsticks/index.txt")
        .lines()
        .map(String::strip)
        .filter(line -> !line.isEmpty())
        .sorted()
        .distinct()
        .toList();
  }

  private static Study yardsticks() {
    List<StudyEntry> entries = new ArrayList<>();
    List<Claim> claims = new ArrayList<>();
    for (String method : claimants()) {
      String file = "yardsticks/" + method + ".yaml";
      StudyText.Claims found = StudyText.claims(text(file), file);
      entries.addAll(found.entries());
      claims.addAll(found.claims());
    }
    return new Study(
        YARDSTICKS,
        "Do the methods keep what their papers say?",
        "For each method the relations that its source claims, as an order of mean KL divergences"
            + " from the original on the same text: measured, and marked as holding or not.",
        List.of("bundled-evaluation"),
        entries,
        List.of(),
        claims);
  }

  private static String text(String resource) {
    try (InputStream in = Studies.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("resource " + resource + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
