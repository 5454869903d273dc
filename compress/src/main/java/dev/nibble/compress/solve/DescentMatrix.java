package dev.nibble.compress.solve;

import dev.nibble.models.Torch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * A Hessian made ready for coordinate descent: columns in the order of the sweeps, a little added
 * to the diagonal of live inputs, and copies of what the inner loop reads. Shared by all weights of
 * a stage; closed by its maker.
 */
final class DescentMatrix implements AutoCloseable {
  private final int[] order;
  private final int block;
  private final Tensor matrix;
  private final double[] diagonal;

  /** Row p: {@code H[p, start of p's block .. its end)}, zeros on the diagonal of dead inputs. */
  private final double[][] inBlock;

  /**
   * Prepares a Hessian.
   *
   * @param hessian fp64 {@code [n, n]}, symmetric, finite; not modified
   * @param actOrder sweep over columns by falling diagonal instead of in place
   * @param ridge added to the diagonal of live inputs, as a fraction of its mean
   * @param block columns whose changes reach the columns outside together
   */
  DescentMatrix(Tensor hessian, boolean actOrder, double ridge, int block) {
    double[] plain = Torch.scope(() -> Torch.toDoubles(hessian.diagonal()));
    this.order = Curvature.order(plain, actOrder);
    int n = order.length;
    this.block = Math.min(block, n);
    this.diagonal = new double[n];
    double added = ridge * meanOfLive(plain);
    for (int p = 0; p < n; p++) {
      double own = plain[order[p]];
      diagonal[p] = own == 0 ? 0 : own + added;
    }
    this.matrix = Torch.owned(() -> ordered(hessian));
    this.inBlock = copyBlocks();
  }

  private static double meanOfLive(double[] diagonal) {
    double sum = 0;
    int live = 0;
    for (double d : diagonal) {
      sum += d;
      live += d == 0 ? 0 : 1;
    }
    return live == 0 ? 0 : sum / live;
  }

  private Tensor ordered(Tensor hessian) {
    long[] index = new long[order.length];
    for (int p = 0; p < index.length; p++) {
      index[p] = order[p];
    }
    Tensor at = Torch.fromLongs(index, index.length);
    Tensor out = hessian.index_select(0, at).index_select(1, at).contiguous();
    MemorySegment values = Torch.view(out);
    for (long p = 0; p < index.length; p++) {
      values.setAtIndex(ValueLayout.JAVA_DOUBLE, p * index.length + p, diagonal[(int) p]);
    }
    return out;
  }

  private double[][] copyBlocks() {
    int n = order.length;
    MemorySegment values = Torch.view(matrix);
    double[][] out = new double[n][];
    for (int p = 0; p < n; p++) {
      int from = p / block * block;
      out[p] = new double[Math.min(block, n - from)];
      MemorySegment.copy(
          values, ValueLayout.JAVA_DOUBLE, 8 * ((long) p * n + from), out[p], 0, out[p].length);
    }
    return out;
  }

  /** Width of the inputs. */
  int size() {
    return order.length;
  }

  /** Columns of a block. */
  int block() {
    return block;
  }

  /** Column at each position of the sweep; live. */
  int[] order() {
    return order;
  }

  /** Diagonal by position, 0 where the input is dead; live. */
  double[] diagonal() {
    return diagonal;
  }

  /** The part of row p inside p's block; live. */
  double[] inBlock(int p) {
    return inBlock[p];
  }

  /** The whole, fp64 {@code [n, n]} by position. */
  Tensor matrix() {
    return matrix;
  }

  /**
   * Largest eigenvalue, from below, by power iteration from the ones vector.
   *
   * @param iterations 20 are customary
   */
  double largestEigenvalue(int iterations) {
    return Torch.noGrad(
        () -> {
          Tensor v = matrix.sum(1).unsqueeze(1);
          double value = 0;
          for (int i = 0; i < iterations; i++) {
            double norm = v.norm().item_double();
            if (norm == 0) {
              return 0.0;
            }
            v = matrix.mm(v.div(new Scalar(norm)));
            value = v.norm().item_double();
          }
          return value;
        });
  }

  @Override
  public void close() {
    matrix.close();
  }
}
