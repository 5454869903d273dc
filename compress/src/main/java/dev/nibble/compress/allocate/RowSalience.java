package dev.nibble.compress.allocate;

import dev.nibble.compress.ModelTask;
import dev.nibble.core.NibbleException;
import dev.nibble.core.model.TensorNames;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.models.Block;
import dev.nibble.models.BlockHandle;
import dev.nibble.models.Site;
import dev.nibble.models.Torch;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What rounding each output row costs the loss (MixLLM; sheet 09, steps 2 to 4): {@code S = mean |a
 * + a²/2|} over sequences with {@code a = Σ_j g_j δ_j}, where g is the row's gradient on a sequence
 * and δ what rounding to nearest does to the row.
 */
final class RowSalience implements GradientPass.Visitor {
  /** How the second order is approximated. */
  enum Fisher {
    /** {@code a²/2}: the outer product of the row's gradient. */
    ROW,
    /** {@code Σ_j (g_j δ_j)²/2}: its diagonal alone. */
    DIAGONAL
  }

  /**
   * What is summed.
   *
   * @param ignoreFirstOrder only the second order counts
   */
  record Measure(Fisher fisher, boolean ignoreFirstOrder) {
    private double of(double first, double squares) {
      double second = 0.5 * (fisher == Fisher.ROW ? first * first : squares);
      return Math.abs(ignoreFirstOrder ? second : first + second);
    }
  }

  private final ModelTask task;
  private final QuantSpec spec;
  private final Measure measure;
  private final int sequences;
  private final double[] scores;
  private final Map<String, Integer> firstRow = new HashMap<>();
  private final Map<String, Tensor> changes = new HashMap<>();
  private final Map<String, double[][]> found = new HashMap<>();

  private RowSalience(
      ModelTask task, List<Site> sites, QuantSpec spec, Measure measure, int sequences) {
    this.task = task;
    this.spec = spec;
    this.measure = measure;
    this.sequences = sequences;
    int rows = 0;
    for (Site site : sites) {
      firstRow.put(site.name(), rows);
      rows += site.outputs();
    }
    this.scores = new double[rows];
  }

  /**
   * Salience of all rows of the sites, one site after the other.
   *
   * @param spec what δ rounds to
   * @throws NibbleException naming the linear when a gradient is not finite
   */
  static double[] of(
      ModelTask task, List<Site> sites, QuantSpec spec, Measure measure, int[][] sequences) {
    RowSalience salience = new RowSalience(task, sites, spec, measure, sequences.length);
    try {
      GradientPass.run(task, sequences, Losses::nextToken, salience, "row salience");
    } finally {
      salience.release();
    }
    return salience.scores;
  }

  @Override
  public List<String> wanted(BlockHandle block) {
    return block.sites().stream()
        .filter(site -> firstRow.containsKey(site.name()))
        .map(site -> TensorNames.weight(site.name()))
        .toList();
  }

  @Override
  public void arrive(int index, Block block, List<Tensor> inputs) {
    for (Site site : block.sites()) {
      if (firstRow.containsKey(site.name())) {
        Tensor weight = block.parameter(TensorNames.weight(site.name()));
        changes.put(site.name(), Torch.owned(() -> change(site, weight)));
        found.put(site.name(), new double[sequences][]);
      }
    }
  }

  private Tensor change(Site site, Tensor weight) {
    long[] shape = {site.outputs(), site.inputs()};
    return Torch.fromPacked(
            RoundToNearest.quantize(
                Torch.toFloats(weight), shape, spec, RoundingOptions.DEFAULT, task.workers()),
            ScalarType.Float)
        .sub(weight.detach());
  }

  @Override
  public void gradients(
      int index,
      int sequence,
      Block block,
      Tensor input,
      Tensor inputGradient,
      Map<String, Tensor> parameters) {
    for (Site site : block.sites()) {
      Tensor change = changes.get(site.name());
      if (change != null) {
        Tensor gradient = parameters.get(TensorNames.weight(site.name()));
        found.get(site.name())[sequence] = rows(site, gradient, change);
      }
    }
  }

  private double[] rows(Site site, Tensor gradient, Tensor change) {
    return Torch.noGrad(
        () -> {
          Tensor product = gradient.mul(change).to(ScalarType.Double);
          double[] first = Torch.toDoubles(product.sum(-1));
          double[] squares = Torch.toDoubles(product.square().sum(-1));
          for (int row = 0; row < first.length; row++) {
            first[row] = measure.of(first[row], squares[row]);
            if (!Double.isFinite(first[row])) {
              throw new NibbleException(
                  "mixllm: the gradient of row "
                      + row
                      + " of "
                      + site.name()
                      + " is not finite; repair the model or calibrate on other text");
            }
          }
          return first;
        });
  }

  @Override
  public void leave(int index, Block block) {
    found.forEach(
        (site, each) -> {
          int from = firstRow.get(site);
          for (double[] sequence : each) {
            for (int row = 0; row < sequence.length; row++) {
              scores[from + row] += sequence[row] / sequences;
            }
          }
        });
    release();
  }

  private void release() {
    changes.values().forEach(Tensor::close);
    changes.clear();
    found.clear();
  }
}
