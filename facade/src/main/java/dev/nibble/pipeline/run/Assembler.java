package dev.nibble.pipeline.run;

import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.model.NibbleArtefact;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.model.PackedFile;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.pipeline.journal.Journal;
import java.nio.file.Path;
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
    source.copyCompanions(target);
  }
}
