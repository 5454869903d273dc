package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.Block;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.HashMap;
import java.util.Map;

/** What plain rounding does to the weights of each unit at each level. */
final class RoundingErrors {
  private RoundingErrors() {}

  /** {@link #of}, computed once for a model. */
  static double[][] remembered(ModelTask task, Choices choices) {
    return RememberedScores.table(
        task.scores(),
        "rounding v1 levels=" + choices.levelNames() + " units=" + choices.names(),
        choices.units().size(),
        choices.levels().size(),
        () -> of(task, choices));
  }

  /** {@code ‖W − Ŵ‖² / ‖W‖²}, {@code [units][levels]}; 0 where weights are kept or all zero. */
  static double[][] of(ModelTask task, Choices choices) {
    Map<String, Integer> unitOf = new HashMap<>();
    for (int u = 0; u < choices.units().size(); u++) {
      for (Site site : choices.units().get(u).sites()) {
        unitOf.put(site.name(), u);
      }
    }
    int levels = choices.levels().size();
    double[][] errors = new double[choices.units().size()][levels];
    double[] norms = new double[choices.units().size()];
    for (BlockHandle handle : task.model().blocks()) {
      if (handle.sites().stream().noneMatch(s -> unitOf.containsKey(s.name()))) {
        continue;
      }
      try (Block block = handle.load()) {
        for (Site site : block.sites()) {
          Integer unit = unitOf.get(site.name());
          if (unit != null) {
            float[] w = Torch.toFloats(block.parameter(TensorNames.weight(site.name())));
            norms[unit] += squares(w, null);
            for (int l = 0; l < levels; l++) {
              errors[unit][l] += error(task, site, w, choices.levels().get(l));
            }
          }
        }
      }
    }
    for (int u = 0; u < errors.length; u++) {
      for (int l = 0; l < levels; l++) {
        errors[u][l] = norms[u] == 0 ? 0 : errors[u][l] / norms[u];
      }
    }
    return errors;
  }

  private static double error(ModelTask task, Site site, float[] w, Level level) {
    if (!(level.assignment() instanceof Assignment.Uniform(QuantSpec spec))) {
      return 0;
    }
    long[] shape = {site.outputs(), site.inputs()};
    return squares(
        w,
        RoundToNearest.quantize(w, shape, spec, RoundingOptions.DEFAULT, task.workers())
            .toFloats());
  }

  private static double squares(float[] w, float[] q) {
    double sum = 0;
    for (int i = 0; i < w.length; i++) {
      double d = q == null ? w[i] : (double) w[i] - q[i];
      sum += d * d;
    }
    return sum;
  }
}
