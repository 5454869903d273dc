package dev.nibble.cli;

import dev.nibble.io.hub.Hub;
import dev.nibble.io.hub.HubDataFile;
import dev.nibble.io.hub.HubModel;
import dev.nibble.io.hub.HubSettings;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** How the hub is used, the same for every verb that reads models or texts. */
final class HubOptions {
  @Option(
      names = "--offline",
      description = "Fetch nothing; hub ids are looked up in the cache (also HF_HUB_OFFLINE=1).")
  private boolean offline;

  /** Fetches what the cache lacks of a model; the directory or GGUF file. */
  Path model(HubModel model) {
    try (Hub hub = open()) {
      return hub.fetch(model);
    }
  }

  /** Fetches a file of a data set, {@code datasets/owner/name#file}, if the cache lacks it. */
  Path data(String id) {
    HubDataFile file = HubDataFile.parse(id);
    try (Hub hub = open()) {
      return hub.fetch(file);
    }
  }

  private Hub open() {
    HubSettings settings =
        HubSettings.of(System.getenv(), Path.of(System.getProperty("user.home")));
    return new Hub(settings.offline(offline), ConsoleProgress.standard());
  }
}
