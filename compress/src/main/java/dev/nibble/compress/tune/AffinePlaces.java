package dev.nibble.compress.tune;

import dev.nibble.compress.BlockTask;
import dev.nibble.core.model.ModelConfig;
import dev.nibble.core.model.TensorNames;
import dev.nibble.models.Coupling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Where AffineQuant puts its matrices: behind norms (or a vector there), between values and
 * outputs, between queries and keys. All but the first are folded and cost nothing at run time.
 */
final class AffinePlaces {
  private final BlockTask task;
  private final ModelConfig config;
  private final AffineOptions options;
  private final ScalePlaces scales;

  AffinePlaces(BlockTask task, ModelConfig config, AffineOptions options, ScalePlaces scales) {
    this.task = task;
    this.config = config;
    this.options = options;
    this.scales = scales;
  }

  /** All places, with diagonals of SmoothQuant's scales to start from, or of 1. */
  List<Place> all(boolean smooth) {
    List<Place> out = new ArrayList<>();
    for (Coupling coupling : scales.couplings()) {
      boolean value = coupling.kind() == Coupling.Kind.VALUE_TO_OUTPUT;
      if (value) {
        MaskedMatrix matrix = matrix(coupling, smooth, coupling.headDim());
        out.add(
            new ValueMatrix(
                task.block(), coupling, matrix, scales.shift(coupling), options.learningRate()));
      } else if (options.normMatrix()) {
        MaskedMatrix matrix = matrix(coupling, smooth, coupling.width());
        out.add(
            new NormMatrix(
                task.block(), coupling, matrix, scales.shift(coupling), options.learningRate()));
      } else {
        out.add(scales.channels(coupling, smooth));
      }
    }
    if (scales.scalesQueries()) {
      out.add(queryKey());
    }
    return out;
  }

  private MaskedMatrix matrix(Coupling coupling, boolean smooth, int order) {
    return new MaskedMatrix(
        coupling.producer(), scales.start(coupling, smooth), order, options.stability());
  }

  private Place queryKey() {
    String attention = task.block().name() + "." + TensorNames.ATTENTION;
    if (options.queryKey() == AffineOptions.QueryKey.PAIR_TIED) {
      return new QueryKeyTurn(task.block(), attention, config, options.learningRate());
    }
    double[] ones = new double[config.kvSize()];
    Arrays.fill(ones, 1);
    return new QueryKeyMatrix(
        task.block(),
        attention,
        config,
        new MaskedMatrix(attention, ones, config.headDim(), options.stability()),
        options.learningRate());
  }

  /** True when folding keeps the function. */
  boolean exact() {
    return !scales.scalesQueries()
        || options.queryKey() != AffineOptions.QueryKey.AS_PAPER
        || config.positions() != ModelConfig.Positions.ROPE;
  }
}
