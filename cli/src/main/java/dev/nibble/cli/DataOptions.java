package dev.nibble.cli;

import dev.nibble.io.data.DataCatalog;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Where data ids lead, the same for every verb that reads texts. */
final class DataOptions {
  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Where known data sets lie (default: $NIBBLE_DATA).")
  private Path directory;

  /** The catalog of bundled texts, known sets, and files of the hub. */
  DataCatalog catalog(HubOptions hub) {
    Path samples = Installation.home().resolve("models/tiny-lm/samples");
    String environment = System.getenv("NIBBLE_DATA");
    Path known = directory;
    if (known == null && environment != null && !environment.isBlank()) {
      known = Path.of(environment);
    }
    return new DataCatalog(Files.isDirectory(samples) ? samples : null, known, hub::data);
  }
}
