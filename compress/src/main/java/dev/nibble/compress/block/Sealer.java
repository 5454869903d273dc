package dev.nibble.compress.block;

import dev.nibble.compress.Events;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.models.Block;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Turns a block's parameters into stored tensors, as planned: what a step has packed is compared
 * with the parameter it ran with, the rest is rounded to its plain type and the parameter set to
 * the rounded values, so that later blocks see what the artefact will hold.
 */
final class Sealer {
  private static final int CHUNK = 1 << 18;
  private static final float HALF_MAX = 65504f;

  private final Map<String, PlannedTensor> plan;
  private final Arena arena;
  private final Events events;

  /**
   * @param plan how each tensor is stored
   * @param arena owns the rounded tensors
   * @param events told when a value did not fit its plain type
   */
  Sealer(Map<String, PlannedTensor> plan, Arena arena, Events events) {
    this.plan = plan;
    this.arena = arena;
    this.events = events;
  }

  /** Stored tensors in order of name; a parameter that the plan leaves out (a tied head) is not. */
  Map<String, PackedTensor> seal(Block block) {
    Map<String, PackedTensor> packed = packedByWeight(block);
    Map<String, PackedTensor> out = new LinkedHashMap<>();
    for (String name : new TreeSet<>(block.parameterNames())) {
      PlannedTensor planned = plan.get(name);
      if (planned != null) {
        PackedTensor stored = packed.get(name);
        out.put(name, stored == null ? round(block, planned) : verified(block, planned, stored));
      }
    }
    return out;
  }

  private static Map<String, PackedTensor> packedByWeight(Block block) {
    Map<String, PackedTensor> out = new HashMap<>();
    for (Site site : block.sites()) {
      Optional<PackedTensor> solved = block.state(site.name()).packed();
      solved.ifPresent(p -> out.put(TensorNames.weight(site.name()), p));
    }
    return out;
  }

  private static PackedTensor verified(Block block, PlannedTensor planned, PackedTensor stored) {
    String name = planned.name();
    boolean asPlanned = !planned.exact() || stored.byteSize() == planned.bytes();
    if (planned.dense().isPresent() || !asPlanned) {
      throw new IllegalStateException(
          String.format(
              "%s was planned as %s of %d bytes, but a step stored %s of %d bytes",
              name, planned.type(), planned.bytes(), stored.typeName(), stored.byteSize()));
    }
    if (ValueChecksum.of(stored) != simulated(block, name)) {
      throw new IllegalStateException(
          name + ": the packed tensor differs from the values that the step ran with");
    }
    return stored;
  }

  /** Checksum of the parameter that the simulation runs with. */
  static long simulated(Block block, String name) {
    long[] sum = new long[1];
    Torch.run(
        () ->
            sum[0] =
                ValueChecksum.of(
                    Torch.view(block.parameter(name).detach().to(ScalarType.Float).contiguous())));
    return sum[0];
  }

  private PackedTensor round(Block block, PlannedTensor planned) {
    DType type =
        planned
            .dense()
            .orElseThrow(
                () ->
                    new IllegalStateException(
                        planned.name()
                            + " was planned as "
                            + planned.type()
                            + ", but no step"
                            + " stored it"));
    Tensor value = block.parameter(planned.name());
    MemorySegment data = arena.allocate(planned.bytes(), Long.BYTES);
    DenseTensor stored = new DenseTensor(planned.shape(), type, data);
    long saturated = fill(value, stored);
    if (saturated > 0) {
      events.record(
          "dense.saturated",
          planned.name(),
          saturated + " values beyond the range of " + stored.typeName() + " were clipped to it");
    }
    if (type != DType.F32) {
      Torch.run(
          () -> block.setParameter(planned.name(), Torch.fromPacked(stored, ScalarType.Float)));
    }
    return stored;
  }

  /** Copies row by row; returns how many values had to be clipped. */
  private static long fill(Tensor value, DenseTensor stored) {
    long rows = stored.rows();
    int columns = stored.columns();
    int step = (int) Math.clamp(CHUNK / Math.max(1, columns), 1L, Math.max(1L, rows));
    float[] buffer = new float[Math.multiplyExact(step, columns)];
    long[] saturated = new long[1];
    Torch.run(
        () -> {
          Tensor matrix = value.detach().reshape(rows, columns);
          for (long row = 0; row < rows; row += step) {
            int count = (int) Math.min(step, rows - row);
            Torch.readRows(matrix, row, row + count, buffer, 0);
            for (int i = 0; i < count * columns; i++) {
              float v = buffer[i];
              if (stored.dtype() == DType.F16 && Math.abs(v) > HALF_MAX) {
                v = Math.copySign(HALF_MAX, v);
                saturated[0]++;
              }
              stored.dtype().set(stored.data(), row * columns + i, v);
            }
          }
        });
    return saturated[0];
  }
}
