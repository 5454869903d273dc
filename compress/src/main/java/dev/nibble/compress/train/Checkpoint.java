package dev.nibble.compress.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.nibble.core.ModelFormatException;
import dev.nibble.core.NibbleException;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.models.Torch;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;

/**
 * Everything a run needs to go on as if it had not stopped, in one safetensors file that appears by
 * atomic rename: parameters and moments as tensors, the rest as metadata. Random numbers are pure
 * functions of seed and step, so the step and the windows taken are their whole state.
 *
 * @param step steps done
 * @param taken windows taken from each source
 * @param bestLoss lowest held-out loss so far, infinite for none
 * @param curve so far
 */
record Checkpoint(int step, long[] taken, double bestLoss, TrainingCurve curve) {
  private static final String RECIPE = "nibble.recipe";
  private static final String DATA = "nibble.data";

  /** What a run is made of; another recipe or text must not go on from its checkpoint. */
  record Identity(String recipe, String data) {}

  void write(Path file, Identity identity, Map<String, Tensor> state) {
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    state.forEach(
        (name, tensor) ->
            entries.add(
                SafetensorsWriter.Entry.of(
                    name, new DenseTensor(Torch.shape(tensor), DType.F32, Torch.view(tensor)))));
    Map<String, String> metadata = new TreeMap<>();
    metadata.put(RECIPE, identity.recipe());
    metadata.put(DATA, identity.data());
    metadata.put("step", String.valueOf(step));
    metadata.put("taken", Arrays.toString(taken).replaceAll("[\\[\\] ]", ""));
    metadata.put("best", String.valueOf(bestLoss));
    metadata.put("curve", curve.toJson());
    SafetensorsWriter.write(file, metadata, entries, Progress.SILENT);
  }

  /**
   * Restores a run.
   *
   * @param state tensors to fill
   * @throws NibbleException when the checkpoint is of another recipe or text
   */
  static Checkpoint read(Path file, Identity identity, Map<String, Tensor> state) {
    if (!Files.exists(file)) {
      return new Checkpoint(0, null, Double.POSITIVE_INFINITY, TrainingCurve.empty());
    }
    try (SafetensorsFile stored = SafetensorsFile.open(file)) {
      Map<String, String> metadata = stored.metadata();
      require(file, "recipe", metadata.get(RECIPE), identity.recipe());
      require(file, "text", metadata.get(DATA), identity.data());
      state.forEach((name, tensor) -> fill(file, name, tensor, stored.tensor(name)));
      return new Checkpoint(
          Integer.parseInt(metadata.get("step")),
          Arrays.stream(metadata.get("taken").split(",")).mapToLong(Long::parseLong).toArray(),
          Double.parseDouble(metadata.get("best")),
          TrainingCurve.fromJson(metadata.get("curve")));
    } catch (JsonProcessingException | NumberFormatException | NullPointerException e) {
      throw new ModelFormatException(
          file, "__metadata__", "is not what a training run wrote; delete it to start over", e);
    }
  }

  private static void require(Path file, String what, String found, String expected) {
    if (!expected.equals(found)) {
      throw new NibbleException(
          file
              + ": the checkpoint belongs to another training "
              + what
              + (what.equals("recipe") ? " (" + difference(found, expected) + ")" : "")
              + "; go on with that one, choose another output directory, or delete the checkpoint");
    }
  }

  /** The first differing part of two recipes. */
  private static String difference(String found, String expected) {
    String[] before = String.valueOf(found).split(", ");
    String[] now = expected.split(", ");
    for (int i = 0; i < Math.min(before.length, now.length); i++) {
      if (!before[i].equals(now[i])) {
        return "it has " + before[i] + ", the recipe now says " + now[i];
      }
    }
    return "it has another number of settings";
  }

  static void fill(Path file, String name, Tensor tensor, DenseTensor stored) {
    if (!Arrays.equals(stored.shape(), Torch.shape(tensor)) || stored.dtype() != DType.F32) {
      throw new ModelFormatException(
          file,
          name,
          "is "
              + stored.typeName()
              + " "
              + Arrays.toString(stored.shape())
              + ", expected f32 "
              + Arrays.toString(Torch.shape(tensor))
              + "; delete the checkpoint to start over");
    }
    MemorySegment target = Torch.view(tensor);
    target.copyFrom(stored.data());
  }
}
