package dev.nibble.pipeline.audit;

import dev.nibble.compress.block.PlannedTensor;
import dev.nibble.compress.block.ValueChecksum;
import dev.nibble.core.NibbleException;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.Workers;
import dev.nibble.io.model.NibbleArtefact;
import dev.nibble.io.model.PackedFile;
import dev.nibble.io.safetensors.SafetensorsFile;
import dev.nibble.pipeline.plan.Plan;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Every planned tensor is there once and none besides, each of the planned type, shape and size;
 * the file has the planned size to the byte; and every stored tensor decodes to exactly the values
 * that the simulation ran with.
 */
public final class Audit {
  private final Plan plan;
  private final Map<String, Long> values;
  private final Path file;

  private Audit(Path directory, Plan plan, Map<String, Long> values) {
    this.plan = plan;
    this.values = values;
    this.file = directory.resolve(NibbleArtefact.WEIGHTS);
  }

  /**
   * Checks the weights of an artefact.
   *
   * @param values checksums of the simulated values by tensor, see {@link ValueChecksum}
   * @return the plan, with what was stored in place of forecasts
   * @throws NibbleException naming the first tensor that is not as planned
   */
  public static Plan check(Path directory, Plan plan, Map<String, Long> values, Workers workers) {
    return new Audit(directory, plan, values).run(workers);
  }

  private Plan run(Workers workers) {
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      if (plan.exact() && opened.byteSize() != plan.fileBytes()) {
        throw failed("it has " + opened.byteSize() + " bytes, planned " + plan.fileBytes());
      }
      Map<String, PackedTensor> found = PackedFile.readAll(opened);
      TreeSet<String> unplanned = new TreeSet<>(found.keySet());
      plan.tensors().forEach(t -> unplanned.remove(t.name()));
      if (!unplanned.isEmpty()) {
        throw failed("tensor " + unplanned.first() + " was not planned");
      }
      List<PlannedTensor> planned = plan.tensors();
      workers.forEach(planned.size(), i -> compare(planned.get(i), found));
      return plan.as(
          planned.stream().map(t -> t.as(found.get(t.name()))).toList(), opened.byteSize());
    }
  }

  private void compare(PlannedTensor planned, Map<String, PackedTensor> found) {
    PackedTensor tensor = found.get(planned.name());
    if (tensor == null) {
      throw failed("tensor " + planned.name() + " is missing");
    }
    boolean stored =
        !planned.exact()
            || (tensor.typeName().equals(planned.type()) && tensor.byteSize() == planned.bytes());
    if (!stored || !Arrays.equals(tensor.shape(), planned.shape())) {
      throw failed(
          String.format(
              "tensor %s is %s %s of %d bytes, planned %s %s of %d bytes",
              planned.name(),
              tensor.typeName(),
              Arrays.toString(tensor.shape()),
              tensor.byteSize(),
              planned.type(),
              Arrays.toString(planned.shape()),
              planned.bytes()));
    }
    Long simulated = values.get(planned.name());
    if (simulated == null || ValueChecksum.of(tensor) != simulated) {
      throw failed("tensor " + planned.name() + " decodes to other values than were simulated");
    }
  }

  private NibbleException failed(String what) {
    return new NibbleException(
        file
            + " failed its audit: "
            + what
            + "; the disk may be damaged: run again with --restart, and report it if it stays so",
        NibbleException.RESOURCES,
        null);
  }
}
