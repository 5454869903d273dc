package dev.nibble.pipeline.inspect;

import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.progress.Progress;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.model.OpenedModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A look into a model on disk.
 *
 * @param kind format on disk
 * @param config architecture
 * @param tensors all tensors under canonical names
 * @param operators sites with transforms or activation quantizers at run time
 */
public record Inspection(
    OpenedModel.Kind kind, ModelConfig config, List<Entry> tensors, int operators) {

  /** Copies the list. */
  public Inspection {
    tensors = List.copyOf(tensors);
  }

  /**
   * A tensor.
   *
   * @param name canonical name
   * @param shape logical shape
   * @param type stored type
   * @param bytes stored size
   * @param elements number of values
   * @param distribution of its values, if they were looked at
   */
  public record Entry(
      String name,
      List<Long> shape,
      String type,
      long bytes,
      long elements,
      Optional<Distribution> distribution) {}

  /**
   * Opens a model and lists it.
   *
   * @param values whether to read all values for their distributions
   * @throws dev.nibble.core.NibbleException when the model cannot be opened
   */
  public static Inspection of(Path model, boolean values, Progress progress) {
    try (OpenedModel opened = OpenedModel.open(model)) {
      ModelWeights weights = opened.weights();
      List<Entry> entries = new ArrayList<>();
      try (Progress.Task task = progress.start("inspect", weights.names().size(), "tensors")) {
        for (String name : weights.names()) {
          entries.add(entry(name, weights.tensor(name), values));
          task.advance(1);
        }
      }
      return new Inspection(opened.kind(), weights.config(), entries, weights.siteOps().size());
    }
  }

  private static Entry entry(String name, PackedTensor tensor, boolean values) {
    List<Long> shape = new ArrayList<>();
    for (long d : tensor.shape()) {
      shape.add(d);
    }
    return new Entry(
        name,
        List.copyOf(shape),
        tensor.typeName(),
        tensor.byteSize(),
        tensor.elements(),
        values ? Optional.of(Distribution.of(tensor)) : Optional.empty());
  }

  /** Stored bytes of all tensors. */
  public long bytes() {
    return tensors.stream().mapToLong(Entry::bytes).sum();
  }

  /** Stored bytes that decoding one token reads. */
  public long activeBytes() {
    return Math.round(
        tensors.stream()
            .mapToDouble(t -> t.bytes() * TensorLayout.activeShare(config, t.name()))
            .sum());
  }

  /** Number of weights. */
  public long elements() {
    return tensors.stream().mapToLong(Entry::elements).sum();
  }

  /** Tensors, weights and bytes by stored type, in order of first appearance. */
  public Map<String, long[]> byType() {
    Map<String, long[]> out = new LinkedHashMap<>();
    for (Entry e : tensors) {
      long[] sums = out.computeIfAbsent(e.type(), t -> new long[3]);
      sums[0]++;
      sums[1] += e.elements();
      sums[2] += e.bytes();
    }
    return out;
  }
}
