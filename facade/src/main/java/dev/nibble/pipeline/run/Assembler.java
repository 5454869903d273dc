package dev.nibble.pipeline.run;

import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.file.DiskTrouble;
import dev.nibble.io.model.NibbleArtefact;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.model.PackedFile;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.pipeline.journal.Journal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Puts finished blocks and the source's companion files together into the folder of an artefact.
 */
final class Assembler {
  private Assembler() {}

  /** Writes weights and companions into {@code target}, from mapped unit files. */
  static void assemble(Journal journal, OpenedModel source, Path target, Progress progress) {
    List<SafetensorsFile> open = new ArrayList<>();
    try {
      Map<String, PackedTensor> tensors = new LinkedHashMap<>();
      for (int index = 0; index < journal.units().size(); index++) {
        SafetensorsFile unit = SafetensorsFile.open(journal.tensors(index));
        open.add(unit);
        tensors.putAll(PackedFile.readAll(unit));
      }
      SafetensorsWriter.write(
          target.resolve(NibbleArtefact.WEIGHTS),
          PackedFile.metadata(tensors),
          PackedFile.entries(tensors),
          progress);
    } finally {
      open.forEach(SafetensorsFile::close);
    }
    if (source.kind() != OpenedModel.Kind.GGUF) {
      copyCompanions(source.path(), target);
    }
  }

  private static void copyCompanions(Path source, Path target) {
    for (Path file : OpenedModel.companions(source)) {
      Path copy = target.resolve(file.getFileName());
      try {
        Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
      } catch (IOException e) {
        throw DiskTrouble.writing(copy, e);
      }
    }
  }
}
