package dev.nibble.compress.allocate;

import dev.nibble.compress.solve.BinaryRounding;
import dev.nibble.core.format.Binary;
import dev.nibble.core.rounding.RoundToNearest;
import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Compares a linear's outputs under every candidate m with the original ones. Candidates differ by
 * two groups from each other, so each needs but the products of those with the input: all of them
 * together cost two products of the whole weight. Owns native memory, three times the weight.
 */
final class SlimSearch implements AutoCloseable {
  private static final double LEAST_PROBABILITY = 1e-6;

  private final SlimWidths widths;
  private final SlimOptions options;
  private final int columns;
  private final Tensor original;
  private final Tensor same;
  private final Tensor more;
  private final Tensor less;

  /**
   * @param w {@code [rows, columns]}
   */
  SlimSearch(float[] w, int columns, SlimWidths widths, SlimOptions options, Workers workers) {
    this.widths = widths;
    this.options = options;
    this.columns = columns;
    int rows = w.length / columns;
    List<QuantSpec> specs = options.specs();
    original = tensor(w, rows, columns);
    same = tensor(rounded(w, rows, columns, specs.get(SlimWidths.SAME), workers), rows, columns);
    more = tensor(rounded(w, rows, columns, specs.get(SlimWidths.MORE), workers), rows, columns);
    less = tensor(rounded(w, rows, columns, specs.get(SlimWidths.LESS), workers), rows, columns);
  }

  private static Tensor tensor(float[] values, int rows, int columns) {
    return Torch.owned(() -> Torch.fromFloats(values, rows, columns));
  }

  private static float[] rounded(
      float[] w, int rows, int columns, QuantSpec spec, Workers workers) {
    if (spec.format() instanceof Binary) {
      return BinaryRounding.quantize(
              w, rows, columns, spec.groupSize(), spec.scaleFormat(), workers)
          .toFloats();
    }
    long[] shape = {rows, columns};
    return RoundToNearest.quantize(w, shape, spec, RoundingOptions.DEFAULT, workers).toFloats();
  }

  /**
   * Distance of the outputs for m = 0, 1 … from the original ones, summed over tokens. Safe from
   * several threads.
   *
   * @param x fp32 inputs {@code [tokens, columns]}
   */
  double[] distances(Tensor x) {
    double[] out = new double[widths.most() + 1];
    Torch.noGrad(
        () -> {
          Tensor target = x.mm(original.t());
          Tensor reference = options.objective() == SlimOptions.Objective.KL ? log(target) : target;
          Tensor y = x.mm(same.t());
          out[0] = distance(y, reference);
          for (int m = 1; m < out.length; m++) {
            change(y, x, widths.raised(m), more);
            change(y, x, widths.lowered(m), less);
            out[m] = distance(y, reference);
          }
          return null;
        });
    return out;
  }

  /** Adds to {@code y} what another width of a group changes. */
  private void change(Tensor y, Tensor x, int group, Tensor to) {
    Torch.run(
        () -> {
          int from = group * options.groupSize();
          int width = Math.min(options.groupSize(), columns - from);
          Tensor difference = to.narrow(1, from, width).sub(same.narrow(1, from, width));
          y.add_(x.narrow(1, from, width).mm(difference.t()));
        });
  }

  private double distance(Tensor y, Tensor reference) {
    return Torch.scope(
        () -> {
          Tensor each;
          if (options.objective() == SlimOptions.Objective.KL) {
            Tensor log = log(y);
            each = log.exp().mul(log.sub(reference));
          } else {
            Tensor difference = y.sub(reference);
            each = difference.mul(difference);
          }
          return each.sum(new ScalarTypeOptional(ScalarType.Double)).item_double();
        });
  }

  /** Logarithms of probabilities over output features, none below {@link #LEAST_PROBABILITY}. */
  private static Tensor log(Tensor y) {
    return Torch.scope(() -> y.softmax(-1).clamp_min(new Scalar(LEAST_PROBABILITY)).log());
  }

  @Override
  public void close() {
    original.close();
    same.close();
    more.close();
    less.close();
  }
}
