package dev.nibble.pipeline.export;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.tensor.TiledTensor;
import dev.nibble.io.model.NibbleArtefact;
import dev.nibble.io.model.OpenedModel;
import dev.nibble.io.model.PackedFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.runtime.packed.PackedWeights;
import dev.nibble.runtime.packed.Repacker;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Writes a Nibble artefact whose quantized weights are stored in the order in which kernels read
 * them: loading maps the file and changes nothing. The packed model is in memory while it is
 * written.
 */
final class PackedExport {
  /** Rows compared at a time. */
  private static final int ROWS = 64;

  private PackedExport() {}

  /**
   * Writes into an existing folder.
   *
   * @return what the user should know about the result, a line each
   * @throws NibbleException when the layout holds none of the model's weights
   */
  static List<String> write(OpenedModel model, Path folder, Progress progress) {
    ModelWeights weights = model.weights();
    try (Arena arena = Arena.ofShared()) {
      Map<String, PackedTensor> tensors = new TreeMap<>();
      int packed = 0;
      int rounded = 0;
      try (Progress.Task task = progress.start("pack", weights.names().size(), "tensors")) {
        for (String name : weights.names()) {
          PackedTensor stored = weights.tensor(name);
          PackedTensor target =
              Repacker.pack(stored, arena).<PackedTensor>map(PackedWeights::stored).orElse(stored);
          packed += target instanceof TiledTensor ? 1 : 0;
          rounded += target == stored || sameValues(stored, target) ? 0 : 1;
          tensors.put(name, target);
          task.advance(1);
        }
      }
      if (packed == 0) {
        throw new NibbleException(
            model.path() + " has no quantized weight that the packed layout holds; quantize it");
      }
      model.copyCompanions(folder);
      SafetensorsWriter.write(
          folder.resolve(NibbleArtefact.WEIGHTS),
          PackedFile.metadata(tensors),
          PackedFile.entries(tensors),
          progress);
      NibbleArtefact.writeManifest(
          folder,
          NibbleArtefact.Manifest.of(weights.config(), weights.siteOps(), provenance(model)));
      return rounded == 0
          ? List.of()
          : List.of(
              rounded
                  + " of "
                  + packed
                  + " packed tensors have values that were rounded: scales and mins to half"
                  + " precision, levels to 8 bits, as every load of the model rounds them");
    }
  }

  private static boolean sameValues(PackedTensor a, PackedTensor b) {
    int columns = a.columns();
    return IntStream.range(0, Math.toIntExact(Math.ceilDiv(a.rows(), (long) ROWS)))
        .parallel()
        .allMatch(
            i -> {
              long from = (long) i * ROWS;
              long to = Math.min(a.rows(), from + ROWS);
              float[] first = new float[(int) (to - from) * columns];
              float[] second = new float[first.length];
              a.dequantize(from, to, first, 0);
              b.dequantize(from, to, second, 0);
              return Arrays.equals(first, second);
            });
  }

  /** An artefact's history is kept; of other models there is the name. */
  private static JsonNode provenance(OpenedModel model) {
    return model.kind() == OpenedModel.Kind.NIBBLE
        ? NibbleArtefact.readManifest(model.path()).provenance()
        : JsonNodeFactory.instance
            .objectNode()
            .put("packed_from", model.path().toAbsolutePath().getFileName().toString());
  }
}
