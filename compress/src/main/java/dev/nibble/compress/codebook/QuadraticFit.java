package dev.nibble.compress.codebook;

import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.util.Arrays;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How far sums of codewords are from a weight on its inputs, {@code tr(D H Dᵀ)} with {@code D = W −
 * Ŵ} (Egiazarian et al. 2024, equation 3), and the gradient of that. Rows are independent given the
 * codewords: bands of {@value #BAND} are tasks of their own, and their parts are added in order.
 */
public final class QuadraticFit {
  static final int BAND = 128;

  private final float[] w;
  private final int columns;
  private final Tensor hessian;
  private final Workers workers;

  /**
   * @param w {@code [rows, columns]}, not modified
   * @param hessian fp32 {@code [columns, columns]}, symmetric; the caller keeps it
   */
  public QuadraticFit(float[] w, Tensor hessian, Workers workers) {
    this.w = w;
    this.columns = Math.toIntExact(hessian.size(0));
    this.hessian = hessian;
    this.workers = workers;
  }

  /** The weight. */
  float[] weight() {
    return w;
  }

  /** Number of columns. */
  int columns() {
    return columns;
  }

  /** The Hessian. */
  Tensor hessian() {
    return hessian;
  }

  /** Threads. */
  Workers workers() {
    return workers;
  }

  /** {@code tr(D H Dᵀ)}. */
  public double loss(CodebookMatrix matrix) {
    return run(matrix, null, null);
  }

  /**
   * {@code tr(D H Dᵀ)} and its gradients.
   *
   * @param wordGradient set
   * @param scaleGradient set
   */
  public double gradients(CodebookMatrix matrix, float[] wordGradient, float[] scaleGradient) {
    return run(matrix, wordGradient, scaleGradient);
  }

  /** What one band gave. */
  private record Part(double loss, float[] words, float[] scales) {}

  private double run(CodebookMatrix matrix, float[] words, float[] scales) {
    Part[] parts = new Part[Math.ceilDiv(matrix.rows(), BAND)];
    workers.forEach(parts.length, band -> parts[band] = band(matrix, band, words != null));
    double loss = 0;
    if (words != null) {
      Arrays.fill(words, 0f);
      Arrays.fill(scales, 0f);
    }
    for (Part part : parts) {
      loss += part.loss();
      if (words != null) {
        add(words, part.words());
        add(scales, part.scales());
      }
    }
    return loss;
  }

  private static void add(float[] sum, float[] part) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += part[i];
    }
  }

  private Part band(CodebookMatrix matrix, int band, boolean gradient) {
    int from = band * BAND;
    int to = Math.min(matrix.rows(), from + BAND);
    float[] difference = new float[(to - from) * columns];
    matrix.values(from, to, difference);
    for (int i = 0; i < difference.length; i++) {
      difference[i] = w[from * columns + i] - difference[i];
    }
    float[] product = new float[gradient ? difference.length : 0];
    double loss =
        Torch.noGrad(
            () -> {
              Tensor d = Torch.fromFloats(difference, to - from, columns);
              Tensor dh = d.mm(hessian);
              if (gradient) {
                Torch.readRows(dh.mul(new Scalar(-2.0)), 0, to - from, product, 0);
              }
              return dh.mul(d).sum(new ScalarTypeOptional(ScalarType.Double)).item_double();
            });
    if (!gradient) {
      return new Part(loss, null, null);
    }
    float[] words = new float[matrix.words().length];
    float[] scales = new float[matrix.scales().length];
    matrix.addGradients(from, to, product, words, scales);
    return new Part(loss, words, scales);
  }
}
