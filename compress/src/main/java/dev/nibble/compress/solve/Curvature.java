package dev.nibble.compress.solve;

import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A Hessian made ready for error compensation (sheet 12b, steps 3 to 6): dead inputs replaced,
 * columns ordered, diagonal damped, inverse factored. Shared by all weights of a stage.
 *
 * <p>A matrix that cannot be factored goes down a fixed ladder: damping times ten, up to three
 * times; then eigenvalues clamped from below; then nothing, and the caller rounds to nearest.
 *
 * <p>Deviation from the paper's code: a dead input ({@code H_jj = 0}) gets the mean of the live
 * diagonal instead of 1, and the mean that the damping multiplies is over live inputs, so that dead
 * ones do not change the damping of the others. Weights of dead inputs become zero either way.
 */
final class Curvature {
  private static final int RAISES = 3;
  private static final double RAISE = 10;
  private static final double LEAST_RAISED = 0.01;

  private final int[] order;
  private final boolean[] dead;
  private final InverseFactor factor;
  private final double damping;
  private final List<String> rescues;

  private Curvature(
      int[] order, boolean[] dead, InverseFactor factor, double damping, List<String> rescues) {
    this.order = order;
    this.dead = dead;
    this.factor = factor;
    this.damping = damping;
    this.rescues = List.copyOf(rescues);
  }

  /**
   * Prepares a Hessian.
   *
   * @param hessian fp64 {@code [n, n]}, symmetric, finite; not modified
   * @param dampPercent added to the diagonal, as a fraction of its mean; 0.01 is customary
   * @param actOrder order columns by falling diagonal instead of leaving them in place
   * @return empty when no rung of the ladder held, or every input is dead
   */
  static Optional<Curvature> of(
      Tensor hessian, double dampPercent, boolean actOrder, Workers workers) {
    return of(hessian, dampPercent, order(diagonal(hessian), actOrder), workers);
  }

  /**
   * As the other.
   *
   * @param order column at each position of the solver's order, not modified
   */
  static Optional<Curvature> of(Tensor hessian, double dampPercent, int[] order, Workers workers) {
    double[] diagonal = diagonal(hessian);
    boolean[] dead = new boolean[diagonal.length];
    double sum = 0;
    int live = 0;
    for (int j = 0; j < dead.length; j++) {
      dead[j] = diagonal[j] == 0;
      if (!dead[j]) {
        sum += diagonal[j];
        live++;
      }
    }
    if (live == 0 || !Double.isFinite(sum)) {
      return Optional.empty();
    }
    double mean = sum / live;
    return Torch.noGrad(
        () -> {
          Tensor reversed = Torch.scope(() -> reversed(hessian, order, dead, mean));
          return ladder(reversed, order, dead, dampPercent, mean, workers);
        });
  }

  /** That of inputs which are all alike and independent: nothing to order or to compensate. */
  static Curvature flat(int inputs, Workers workers) {
    return Torch.noGrad(
        () ->
            of(torch.eye(inputs, new TensorOptions(ScalarType.Double)), 0, false, workers)
                .orElseThrow());
  }

  private static double[] diagonal(Tensor hessian) {
    return Torch.scope(() -> Torch.toDoubles(hessian.diagonal()));
  }

  /** Positions to columns; equal diagonals stay in place. */
  static int[] order(double[] diagonal, boolean actOrder) {
    IntStream columns = IntStream.range(0, diagonal.length);
    return actOrder
        ? columns
            .boxed()
            .sorted(Comparator.comparingDouble((Integer j) -> -diagonal[j]))
            .mapToInt(j -> j)
            .toArray()
        : columns.toArray();
  }

  /** H in the given order, backwards, for {@link InverseFactor#ofReversed}. */
  private static Tensor reversed(Tensor hessian, int[] order, boolean[] dead, double mean) {
    int n = order.length;
    long[] backwards = new long[n];
    for (int p = 0; p < n; p++) {
      backwards[n - 1 - p] = order[p];
    }
    Tensor index = Torch.fromLongs(backwards, n);
    Tensor out = hessian.index_select(0, index).index_select(1, index).contiguous();
    MemorySegment values = Torch.view(out);
    for (int p = 0; p < n; p++) {
      if (dead[order[p]]) {
        long at = n - 1L - p;
        values.setAtIndex(ValueLayout.JAVA_DOUBLE, at * n + at, mean);
      }
    }
    return out;
  }

  private static Optional<Curvature> ladder(
      Tensor reversed,
      int[] order,
      boolean[] dead,
      double dampPercent,
      double mean,
      Workers workers) {
    List<String> rescues = new ArrayList<>();
    double percent = dampPercent;
    for (int raise = 0; raise <= RAISES; raise++) {
      double added = percent * mean;
      Optional<InverseFactor> factor = damped(reversed, added, workers);
      if (factor.isPresent()) {
        return Optional.of(new Curvature(order, dead, factor.get(), added, rescues));
      }
      if (raise < RAISES) {
        percent = Math.max(percent * RAISE, LEAST_RAISED);
        rescues.add("damping raised to " + percent + " of the mean diagonal");
      }
    }
    rescues.add("eigenvalues clamped to " + LEAST_RAISED + " of the mean diagonal");
    return clamped(reversed, LEAST_RAISED * mean, workers)
        .map(factor -> new Curvature(order, dead, factor, 0, rescues));
  }

  private static Optional<InverseFactor> damped(Tensor reversed, double added, Workers workers) {
    return Torch.scope(
        () -> {
          Tensor matrix = reversed.clone();
          matrix.diagonal().add_(new Scalar(added));
          return InverseFactor.ofReversed(matrix, workers);
        });
  }

  private static Optional<InverseFactor> clamped(Tensor reversed, double least, Workers workers) {
    return Torch.scope(
        () -> {
          if (!torch.isfinite(reversed).all().item_bool()) {
            return Optional.empty();
          }
          T_TensorTensor_T eigen = torch.linalg_eigh(reversed);
          Tensor vectors = eigen.get1();
          Tensor values = eigen.get0().clamp_min(new Scalar(least));
          Tensor rebuilt = vectors.mul(values).mm(vectors.t());
          Tensor symmetric = rebuilt.add(rebuilt.t()).mul(new Scalar(0.5));
          return InverseFactor.ofReversed(symmetric.to(ScalarType.Double), workers);
        });
  }

  /** Width of the inputs. */
  int size() {
    return order.length;
  }

  /** Column at each position of the solver's order; live. */
  int[] order() {
    return order;
  }

  /** Inputs that were always zero; live. */
  boolean[] dead() {
    return dead;
  }

  /** Number of dead inputs. */
  int deadCount() {
    return (int) IntStream.range(0, dead.length).filter(j -> dead[j]).count();
  }

  /** Factor of the inverse of the damped matrix, in the solver's order. */
  InverseFactor factor() {
    return factor;
  }

  /**
   * {@code 1 / U_jj²} of each column in stored order: what losing a weight costs, by its square
   * (the salience of SliM-LLM and BiLLM).
   */
  double[] lossCosts() {
    double[] out = new double[order.length];
    for (int p = 0; p < out.length; p++) {
      double u = factor.row(p)[0];
      out[order[p]] = 1 / (u * u);
    }
    return out;
  }

  /** What was added to the diagonal; 0 after an eigenvalue clamp. */
  double damping() {
    return damping;
  }

  /** Rungs of the ladder that were taken, in words; empty in the ordinary case. */
  List<String> rescues() {
    return rescues;
  }

  /** True when columns are solved in another order than they are stored in. */
  boolean reordered() {
    return !Arrays.equals(order, IntStream.range(0, order.length).toArray());
  }
}
