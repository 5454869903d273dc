package dev.nibble.compress.tune;

import dev.nibble.models.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Trained square matrices behind AffineQuant's gradual mask (Ma et al. 2024, equation 6): {@code Ĉ
 * = C ⊙ M}, with M 1 on the diagonal, the stability factor where {@code 0 < |i - j| < k}, and 0
 * elsewhere; k grows from 1 to the order over the epochs. C starts diagonal, and an element is not
 * trained before the mask reaches it.
 *
 * <p>Every row of Ĉ stays strictly diagonally dominant, so that Ĉ is invertible (Levy–Desplanques):
 * off-diagonal elements of a row whose sum comes near its diagonal are shrunk together. The paper
 * relies on the stability factor for that, which is not enough in wide matrices.
 */
final class MaskedMatrix implements AutoCloseable {
  /** Largest share of the diagonal that the rest of a row may sum to. */
  private static final double DOMINATED = 0.95;

  /** Magnitude that trained elements other than 0 are kept above, as in the paper's code. */
  private static final double FLOOR = 1e-2;

  private static final double LARGEST_CONDITION = 1e6;

  private final String name;
  private final int count;
  private final int order;
  private final double stability;
  private final Tensor values;
  private final List<Double> margins = new ArrayList<>();
  private int width = 1;
  private long shrunk;

  /**
   * @param diagonal what the matrices start with, {@code [count · order]}, none 0
   * @param order rows of a matrix
   * @param stability what off-diagonal elements are multiplied by
   */
  MaskedMatrix(String name, double[] diagonal, int order, double stability) {
    this.name = name;
    this.order = order;
    this.count = diagonal.length / order;
    this.stability = stability;
    float[] start = new float[Math.multiplyExact(diagonal.length, order)];
    for (int i = 0; i < diagonal.length; i++) {
      start[i * order + i % order] = (float) diagonal[i];
    }
    this.values = Leaves.of(start, count, order, order);
  }

  Trainable trainable(double learningRate) {
    return new Trainable(name + ".matrix", values, learningRate);
  }

  /** Width of the mask's band in an epoch of several: 1 is the diagonal alone. */
  static int width(int order, int epoch, int epochs) {
    return epochs < 2 ? order : (int) ((order - 1L) * epoch / (epochs - 1)) + 1;
  }

  void begin(int epoch, int epochs) {
    if (epoch > 0) {
      margins.add(margin());
    }
    width = width(order, epoch, epochs);
  }

  /** Ĉ, {@code [count, order, order]}, differentiable. */
  Tensor masked(ScalarType type) {
    return values.to(type).mul(mask().to(type));
  }

  /** {@code Ĉ⁻¹} by way of fp64, differentiable. */
  Tensor inverse(ScalarType type) {
    return torch.linalg_inv(masked(ScalarType.Double)).to(type);
  }

  private Tensor mask() {
    float[] out = new float[order * order];
    for (int i = 0; i < order; i++) {
      for (int j = Math.max(0, i - width + 1); j < Math.min(order, i + width); j++) {
        out[i * order + j] = i == j ? 1 : (float) stability;
      }
    }
    return Torch.fromFloats(out, order, order);
  }

  /** {@code min_i (|Ĉ_ii| - Σ_{j≠i} |Ĉ_ij|)} over all matrices. */
  double margin() {
    double[] out = new double[1];
    Torch.noGrad(
        () -> {
          Tensor size = masked(ScalarType.Double).abs();
          Tensor diagonal = size.diagonal(0, -2, -1);
          out[0] = diagonal.mul(new Scalar(2.0)).sub(size.sum(-1)).min().item_double();
          return null;
        });
    return out[0];
  }

  /** Keeps trained elements off zero and rows dominated by their diagonals. */
  void project() {
    Torch.noGrad(
        () -> {
          Tensor zero = values.eq(new Scalar(0.0));
          Tensor raised = values.sign().mul(new Scalar(FLOOR));
          Tensor small = values.abs().lt(new Scalar(FLOOR)).logical_and(zero.logical_not());
          values.copy_(torch.where(small, raised, values));
          Tensor size = masked(ScalarType.Float).abs();
          Tensor diagonal = size.diagonal(0, -2, -1);
          Tensor rest = size.sum(-1).sub(diagonal);
          Tensor allowed = diagonal.mul(new Scalar(DOMINATED));
          Tensor over = rest.gt(allowed);
          long rows = over.sum().item_long();
          if (rows > 0) {
            shrunk += rows;
            Tensor factor =
                torch.where(over, allowed.div(rest), torch.ones_like(rest)).unsqueeze(-1);
            Tensor onDiagonal = torch.eye(order).to(ScalarType.Float);
            Tensor by = torch.where(onDiagonal.gt(new Scalar(0.0)), onDiagonal, factor);
            values.mul_(by);
          }
          return null;
        });
  }

  /** What forbids folding: a matrix that cannot be inverted accurately. */
  Optional<String> problem() {
    double condition = condition();
    return condition <= LARGEST_CONDITION
        ? Optional.empty()
        : Optional.of(String.format(Locale.ROOT, "%s has condition %.2e", name, condition));
  }

  /** Largest condition number, in the 1-norm. */
  private double condition() {
    double[] out = new double[1];
    Torch.noGrad(
        () -> {
          Tensor norm = columnSums(masked(ScalarType.Double));
          out[0] = norm.mul(columnSums(inverse(ScalarType.Double))).max().item_double();
          return null;
        });
    return out[0];
  }

  private static Tensor columnSums(Tensor matrices) {
    return matrices.abs().sum(-2).amax(new long[] {-1}, false);
  }

  /** Lines of the report, see {@link Place#report}. */
  Map<String, String> report() {
    List<Double> all = new ArrayList<>(margins);
    all.add(margin());
    String course =
        all.stream()
            .map(m -> String.format(Locale.ROOT, "%.3g", m))
            .collect(Collectors.joining(" "));
    return Map.of(
        "dominance",
        String.format(
            Locale.ROOT,
            "least margin of the diagonal by epoch, and at the end: %s; condition %.3g; rows held"
                + " back %d times",
            course,
            condition(),
            shrunk));
  }

  @Override
  public void close() {
    values.close();
  }
}
