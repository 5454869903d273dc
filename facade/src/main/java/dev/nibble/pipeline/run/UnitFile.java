package dev.nibble.pipeline.run;

import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.model.PackedFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.pipeline.journal.ContentHash;
import java.nio.file.Path;
import java.util.Map;

/** The file that keeps a finished block's tensors until the artefact is put together. */
final class UnitFile {
  private UnitFile() {}

  /** Writes the file, forces it to disk, and returns the hash of its content. */
  static String write(Path file, Map<String, PackedTensor> tensors) {
    SafetensorsWriter.write(
        file, PackedFile.metadata(tensors), PackedFile.entries(tensors), Progress.SILENT);
    return ContentHash.of(file);
  }
}
