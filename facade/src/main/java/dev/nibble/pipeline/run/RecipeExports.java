package dev.nibble.pipeline.run;

import dev.nibble.core.NibbleException;
import dev.nibble.pipeline.export.ExportFormat;
import dev.nibble.pipeline.export.ExportOptions;
import dev.nibble.pipeline.export.Exporter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The formats that a recipe's {@code export:} names besides the artefact itself: {@code
 * model.gguf}, or a folder of the format's name, inside the artefact's folder.
 */
final class RecipeExports {
  private final RunOptions options;

  RecipeExports(RunOptions options) {
    this.options = options;
  }

  /**
   * Writes them beside the artefact in {@code folder}.
   *
   * @return why a format was refused, one sentence each; the artefact is whole all the same
   */
  List<String> write(Path folder) {
    List<String> refused = new ArrayList<>();
    for (String name : options.recipe().export()) {
      if (name.equals("nibble")) {
        continue;
      }
      ExportFormat format = ExportFormat.parse(name);
      Path target = folder.resolve(format == ExportFormat.GGUF ? "model.gguf" : name);
      try {
        new Exporter(exportOptions(format)).export(folder, target);
      } catch (NibbleException e) {
        if (e.exitCode() == NibbleException.RESOURCES) {
          throw e;
        }
        refused.add("export " + name + ": " + e.getMessage());
      }
    }
    return refused;
  }

  private ExportOptions exportOptions(ExportFormat format) {
    return new ExportOptions(
        format,
        Optional.empty(),
        Optional.empty(),
        false,
        Optional.empty(),
        options.threads(),
        options.progress());
  }
}
