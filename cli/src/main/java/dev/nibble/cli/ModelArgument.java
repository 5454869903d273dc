package dev.nibble.cli;

import dev.nibble.core.NibbleException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What users may write where a model is asked for. */
final class ModelArgument {
  /** Description of such a parameter. */
  static final String HELP =
      "Hugging Face directory, Nibble artefact, GGUF file, or \"tiny\" for the bundled model.";

  private static final String BUNDLED = "tiny";

  private ModelArgument() {}

  /**
   * The model's place on disk.
   *
   * @throws NibbleException when there is nothing under that name
   */
  static Path resolve(String model) {
    Path path = Path.of(model);
    if (Files.exists(path)) {
      return path;
    }
    if (model.equals(BUNDLED)) {
      return bundled();
    }
    throw new NibbleException(
        model
            + ": there is no such directory or file; give a model directory, a .gguf file or \"tiny\"",
        NibbleException.BAD_INPUT,
        null);
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
