package dev.nibble.pipeline.plan;

import dev.nibble.compress.allocate.AllocationReport;
import dev.nibble.compress.block.PlannedTensor;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What a run will store and need.
 *
 * @param model the source, as given
 * @param recipe name of the recipe
 * @param tensors every tensor of the artefact, in execution order
 * @param fileBytes size of the artefact's {@code model.safetensors}; exact when all tensors are
 * @param sourceBytes size of the source's weights as they are stored now
 * @param allocations why allocate steps decided as they did
 * @param forecast time, memory and scratch space
 * @param notes what the user should know, as a calibration shortened to the model's context
 */
public record Plan(
    String model,
    String recipe,
    List<PlannedTensor> tensors,
    long fileBytes,
    long sourceBytes,
    List<AllocationReport> allocations,
    Forecast forecast,
    List<String> notes) {

  /** Copies the lists. */
  public Plan {
    tensors = List.copyOf(tensors);
    allocations = List.copyOf(allocations);
    notes = List.copyOf(notes);
  }

  /** True when every size is certain. */
  public boolean exact() {
    return tensors.stream().allMatch(PlannedTensor::exact);
  }

  /** The same with what was stored in the end. */
  public Plan as(List<PlannedTensor> stored, long bytes) {
    return new Plan(model, recipe, stored, bytes, sourceBytes, allocations, forecast, notes);
  }

  /** Number of weights. */
  public long elements() {
    return tensors.stream().mapToLong(PlannedTensor::elements).sum();
  }

  /** Bits per weight over the whole file: header, scales, tensors that stay plain, everything. */
  public double bitsPerWeight() {
    return 8.0 * fileBytes / elements();
  }

  /** Planned tensors by canonical name. */
  public Map<String, PlannedTensor> byName() {
    return tensors.stream().collect(Collectors.toMap(PlannedTensor::name, t -> t));
  }

  /** Stored bytes by type, for a breakdown of the file. */
  public Map<String, Long> bytesByType() {
    return tensors.stream()
        .collect(
            Collectors.groupingBy(
                PlannedTensor::type, TreeMap::new, Collectors.summingLong(PlannedTensor::bytes)));
  }

  /** The same with another forecast. */
  public Plan with(Forecast other) {
    return new Plan(model, recipe, tensors, fileBytes, sourceBytes, allocations, other, notes);
  }
}
