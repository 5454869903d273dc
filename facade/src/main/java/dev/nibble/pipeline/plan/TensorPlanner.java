package dev.nibble.pipeline.plan;

import dev.nibble.compress.StoredForm;
import dev.nibble.compress.allocate.Allocation;
import dev.nibble.compress.block.PlannedTensor;
import dev.nibble.compress.recipe.RecipeStep;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.ModelWeights;
import dev.nibble.core.model.TensorLayout;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.tensor.DType;
import dev.nibble.core.tensor.DenseTensor;
import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.io.model.PackedFile;
import dev.nibble.io.safetensors.SafetensorsWriter;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Model;
import dev.nibble.models.Site;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Decides how every tensor is stored. A weight that a step solves takes that step's form (the last
 * step's, if several do). Other matrices keep the source's 16-bit type, or become F16 when the
 * source holds anything else; vectors (norm gains, biases) are stored as F32, so that rewrites lose
 * nothing on them.
 */
final class TensorPlanner {
  private final ModelWeights source;
  private final Map<String, Planned> forms;

  /** A form, and whether it is certain. */
  private record Planned(StoredForm form, boolean exact) {}

  private TensorPlanner(ModelWeights source, Map<String, Planned> forms) {
    this.source = source;
    this.forms = forms;
  }

  /** Tensors planned and the size of the file they make, exact when all tensors are. */
  record Result(List<PlannedTensor> tensors, long fileBytes) {}

  /**
   * @param source the model's tensors as they are now
   * @param model the model with the steps' rewrites installed
   * @param allocation what the steps decided
   */
  static Result plan(
      ModelWeights source, Model model, List<RecipeStep> steps, Allocation allocation) {
    TensorPlanner planner = new TensorPlanner(source, forms(model, steps, allocation));
    Map<String, PackedTensor> sized = new LinkedHashMap<>();
    List<PlannedTensor> planned = new ArrayList<>();
    TensorLayout.all(model.config())
        .forEach(
            (name, shape) -> {
              Planned form = planner.forms.get(name);
              Optional<DType> dense =
                  form == null ? Optional.of(planner.plainType(name, shape)) : Optional.empty();
              PackedTensor tensor =
                  form == null ? SizedTensor.dense(shape, dense.get()) : form.form().sized(shape);
              sized.put(name, tensor);
              planned.add(
                  new PlannedTensor(
                      name,
                      shape,
                      tensor.typeName(),
                      tensor.byteSize(),
                      dense,
                      form == null || form.exact()));
            });
    long fileBytes =
        SafetensorsWriter.fileSize(PackedFile.metadata(sized), PackedFile.entries(sized));
    return new Result(List.copyOf(planned), fileBytes);
  }

  private static Map<String, Planned> forms(
      Model model, List<RecipeStep> steps, Allocation allocation) {
    Map<String, Planned> out = new LinkedHashMap<>();
    for (BlockHandle block : model.blocks()) {
      for (Site site : block.sites()) {
        for (RecipeStep step : steps) {
          step.step()
              .stores(site, allocation)
              .ifPresent(
                  form ->
                      out.put(
                          TensorNames.weight(site.name()),
                          new Planned(
                              form, form.exact() && !allocation.isProvisional(site.name()))));
        }
      }
    }
    return out;
  }

  private DType plainType(String name, long[] shape) {
    if (shape.length < 2) {
      return DType.F32;
    }
    ModelConfig before = source.config();
    boolean sharedHead = before.tiedHead() && name.equals(TensorNames.weight(TensorNames.HEAD));
    String stored = sharedHead ? TensorNames.weight(TensorNames.EMBEDDING) : name;
    if (source.names().contains(stored)
        && source.tensor(stored) instanceof DenseTensor t
        && t.dtype() == DType.BF16) {
      return DType.BF16;
    }
    return DType.F16;
  }
}
