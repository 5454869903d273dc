package dev.nibble.core.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** Finds the optional collection of real models and data sets next to the repository. */
public final class SharedData {
  private SharedData() {}

  /**
   * The file or directory {@code relative} of the collection ({@code $NIBBLE_SHARED/data}, else
   * {@code ../shared/data} beside the repository). Skips the calling test with a message when it is
   * absent.
   */
  public static Path path(String relative) {
    String set = System.getenv("NIBBLE_SHARED");
    Path base = set != null ? Path.of(set) : repositoryRoot().resolve("../shared").normalize();
    Path found = base.resolve("data").resolve(relative);
    Assumptions.assumeTrue(Files.exists(found), () -> "skipped: no " + found);
    return found;
  }

  /** Root of the repository checkout the tests run in. */
  public static Path repositoryRoot() {
    return Path.of(System.getProperty("nibble.repo.root", "."));
  }
}
