package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.compress.block.Batches;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.Block;
import dev.nibble.models.BlockContext;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * CMPQ (sheet 01, step 1): a layer whose output no other layer's resembles is sensitive ({@code
 * views: layers}), or one whose output turns when its weights are rounded to the smallest level
 * ({@code views: quant}). One minus a mean canonical correlation, 0 to 1.
 */
final class CorrelationScores {
  /** What a layer's output is compared with. */
  enum Views {
    LAYERS,
    QUANT
  }

  private final ModelTask task;
  private final List<Unit> units;
  private final Level lowest;
  private final Views views;
  private final int components;
  private final double epsilon;

  CorrelationScores(
      ModelTask task, List<Unit> units, Level lowest, Views views, int components, double epsilon) {
    this.task = task;
    this.units = units;
    this.lowest = lowest;
    this.views = views;
    this.components = components;
    this.epsilon = epsilon;
  }

  /** Scores of the units, which are blocks. */
  double[] of(int[][] sequences) {
    Batches batches = new Batches(sequences, 1);
    List<BlockHandle> handles = task.model().blocks();
    int kept =
        Correlation.components(
            task.model().config().hiddenSize(),
            (long) sequences.length * batches.length(),
            components);
    List<Tensor> whitened = new ArrayList<>();
    List<Double> turned = new ArrayList<>();
    List<Tensor> inputs = new ArrayList<>();
    try {
      for (int s = 0; s < sequences.length; s++) {
        inputs.add(batches.tokens(s));
      }
      for (BlockHandle handle : handles.subList(0, handles.size() - 1)) {
        Unit unit = unit(handle.name());
        try (Block block = handle.load()) {
          List<Tensor> outputs = outputs(block, inputs);
          if (unit != null) {
            Tensor view = view(handle.name(), outputs, kept);
            whitened.add(view);
            if (views == Views.QUANT) {
              turned.add(rounded(block, unit, inputs, view, kept));
            }
          }
          inputs.forEach(Tensor::close);
          inputs.clear();
          inputs.addAll(outputs);
        }
      }
      return views == Views.QUANT
          ? turned.stream().mapToDouble(d -> d).toArray()
          : unlikeOthers(whitened);
    } finally {
      inputs.forEach(Tensor::close);
      whitened.forEach(Tensor::close);
    }
  }

  private Unit unit(String name) {
    return units.stream().filter(u -> u.name().equals(name)).findFirst().orElse(null);
  }

  private List<Tensor> outputs(Block block, List<Tensor> inputs) {
    Tensor[] out = new Tensor[inputs.size()];
    task.workers()
        .forEach(
            out.length,
            s -> out[s] = Torch.owned(() -> block.forward(inputs.get(s), BlockContext.PLAIN)));
    return List.of(out);
  }

  private Tensor view(String block, List<Tensor> outputs, int kept) {
    try (Tensor all =
        Torch.owned(
            () -> torch.cat(new TensorVector(outputs.toArray(Tensor[]::new)), 1).squeeze(0))) {
      boolean finite = Torch.scope(() -> torch.isfinite(all).all().item_bool());
      if (!finite) {
        throw new NibbleException(
            "cptquant: the outputs of "
                + block
                + " are not finite on the calibration text; repair the model or calibrate on other"
                + " text");
      }
      return Correlation.whiten(all, kept, epsilon);
    }
  }

  private double[] unlikeOthers(List<Tensor> whitened) {
    int n = whitened.size();
    double[][] alike = new double[n][n];
    task.workers()
        .forEach(
            n,
            i -> {
              for (int j = i + 1; j < n; j++) {
                alike[i][j] = Correlation.mean(whitened.get(i), whitened.get(j));
              }
            });
    double[] out = new double[n];
    for (int i = 0; i < n; i++) {
      double sum = 0;
      for (int j = 0; j < n; j++) {
        sum += i == j ? 0 : alike[Math.min(i, j)][Math.max(i, j)];
      }
      out[i] = n == 1 ? 1 : 1 - sum / (n - 1);
    }
    return out;
  }

  /** One minus the correlation with the output of the rounded block. */
  private double rounded(Block block, Unit unit, List<Tensor> inputs, Tensor view, int kept) {
    for (Site site : unit.sites()) {
      String name = TensorNames.weight(site.name());
      if (lowest.assignment() instanceof Assignment.Uniform(QuantSpec spec)) {
        float[] w = Torch.toFloats(block.parameter(name));
        long[] shape = {site.outputs(), site.inputs()};
        Torch.run(
            () ->
                block.setParameter(
                    name,
                    Torch.fromPacked(
                        RoundToNearest.quantize(
                            w, shape, spec, RoundingOptions.DEFAULT, task.workers()),
                        ScalarType.Float)));
      }
    }
    List<Tensor> outputs = outputs(block, inputs);
    try (Tensor other = view(unit.name() + " at " + lowest.text(), outputs, kept)) {
      return 1 - Correlation.mean(view, other);
    } finally {
      outputs.forEach(Tensor::close);
    }
  }
}
