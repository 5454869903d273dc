package dev.nibble.cli;

import dev.nibble.core.NibbleException;
import dev.nibble.io.hub.HubModel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/** What users may write where a model is asked for. */
final class ModelArgument {
  /** Description of such a parameter. */
  static final String HELP =
      "Hugging Face directory, Nibble artefact, GGUF file, hub id as owner/name[@revision][:file"
          + ".gguf], or \"tiny\" for the bundled model.";

  private static final String BUNDLED = "tiny";

  private ModelArgument() {}

  /**
   * The model's place on disk. A hub id that is no path here is fetched first.
   *
   * @throws NibbleException when there is nothing under that name
   */
  static Path resolve(String model, HubOptions hub) {
    Optional<Path> path = existing(model);
    if (path.isPresent()) {
      return path.get();
    }
    if (model.equals(BUNDLED)) {
      return bundled();
    }
    if (HubModel.matches(model)) {
      return hub.model(HubModel.parse(model));
    }
    throw new NibbleException(
        model
            + ": there is no such directory or file; give a model directory, a .gguf file,"
            + " a hub id as owner/name, or \"tiny\"",
        NibbleException.BAD_INPUT,
        null);
  }

  /** What to call the outputs made of a model. */
  static String shortName(String model) {
    if (existing(model).isEmpty() && HubModel.matches(model)) {
      return HubModel.parse(model).shortName();
    }
    String name = Path.of(model).normalize().toAbsolutePath().getFileName().toString();
    return name.replaceFirst("\\.gguf$", "");
  }

  private static Optional<Path> existing(String model) {
    try {
      return Optional.of(Path.of(model)).filter(Files::exists);
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  /** The model that comes with Nibble. */
  static Path bundled() {
    Path found = Installation.home().resolve("models/tiny-lm");
    if (!Files.isDirectory(found)) {
      throw new NibbleException(
          "the bundled model is missing: there is no " + found + "; install Nibble completely",
          NibbleException.BAD_INPUT,
          null);
    }
    return found;
  }
}
