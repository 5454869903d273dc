package dev.nibble.pipeline.evaluate;

import dev.nibble.core.ModelFormatException;
import dev.nibble.core.model.LanguageModel;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.work.Workers;
import dev.nibble.eval.divergence.Baseline;
import dev.nibble.eval.divergence.BaselineFile;
import dev.nibble.eval.scoring.Window;
import dev.nibble.io.file.DiskTrouble;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.pipeline.journal.ContentHash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

/**
 * What originals answered, in files of a folder: one for each original and each set of windows.
 * Answers that would take more than {@link #MOST} bytes are not kept.
 */
final class KeptBaselines {
  private static final long MOST = 2L << 30;

  private final Path folder;

  KeptBaselines(Path folder) {
    this.folder = folder;
  }

  /**
   * The original's answers: from the file if it is there, else by running the model, which then
   * fills the file.
   *
   * @param model opened only when it has to run
   */
  Baseline open(
      OpenedModel source,
      Supplier<LanguageModel> model,
      List<Window> windows,
      Workers workers,
      Progress progress) {
    int vocabulary = source.weights().config().vocabSize();
    if (BaselineFile.size(vocabulary, windows) > MOST) {
      return Baseline.live(model.get(), windows, workers);
    }
    String id = identity(source);
    Path file = folder.resolve(id.substring(0, 16) + "-" + digest(windows) + ".baseline");
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw DiskTrouble.writing(folder, e);
    }
    if (Files.exists(file)) {
      try {
        return BaselineFile.open(file, id, windows);
      } catch (ModelFormatException e) {
        progress.note(e.getMessage() + "; the original is run again");
      }
    }
    BaselineFile.write(file, model.get(), id, windows, workers, progress);
    return BaselineFile.open(file, id, windows);
  }

  private static String identity(OpenedModel source) {
    StringBuilder all = new StringBuilder();
    for (Path file : source.files()) {
      all.append(ContentHash.of(file));
    }
    return ContentHash.of(all.toString());
  }

  private static String digest(List<Window> windows) {
    int[][] all = new int[2 * windows.size()][];
    for (int i = 0; i < windows.size(); i++) {
      all[2 * i] = windows.get(i).input();
      all[2 * i + 1] = windows.get(i).targets();
    }
    return ContentHash.of(all).substring(0, 16);
  }
}
