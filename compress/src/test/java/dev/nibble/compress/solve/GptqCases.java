package dev.nibble.compress.solve;

import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.work.Workers;
import dev.nibble.models.Torch;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import org.bytedeco.pytorch.Tensor;

/** Matrices for the tests of GPTQ. */
final class GptqCases {
  private GptqCases() {}

  /** Standard normal values. */
  static float[] gaussians(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  /**
   * {@code 2 XᵀX} of inputs with a few strong common directions and unequal channels, {@code [n,
   * n]} row-major.
   */
  static double[] correlatedHessian(int n, int tokens, long seed) {
    int directions = Math.max(2, n / 8);
    float[] mixing = gaussians(directions * n, seed);
    float[] strength = gaussians(tokens * directions, seed + 1);
    float[] noise = gaussians(tokens * n, seed + 2);
    double[] x = new double[tokens * n];
    for (int t = 0; t < tokens; t++) {
      for (int c = 0; c < n; c++) {
        double sum = 0.5 * noise[t * n + c];
        for (int d = 0; d < directions; d++) {
          sum += strength[t * directions + d] * mixing[d * n + c] / Math.sqrt(directions);
        }
        x[t * n + c] = sum * (0.5 + c % 5);
      }
    }
    double[] h = new double[n * n];
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < n; i++) {
        double left = 2 * x[t * n + i];
        for (int j = 0; j < n; j++) {
          h[i * n + j] += left * x[t * n + j];
        }
      }
    }
    return h;
  }

  /** Zeroes a row and the column of a matrix. */
  static void kill(double[] h, int n, int index) {
    for (int j = 0; j < n; j++) {
      h[index * n + j] = 0;
      h[j * n + index] = 0;
    }
  }

  /** {@code tr((w - q) H (w - q)ᵀ)}. */
  static double error(float[] w, float[] q, double[] h, int n) {
    double total = 0;
    for (int row = 0; row < w.length / n; row++) {
      for (int i = 0; i < n; i++) {
        double di = (double) w[row * n + i] - q[row * n + i];
        double sum = 0;
        for (int j = 0; j < n; j++) {
          sum += h[i * n + j] * ((double) w[row * n + j] - q[row * n + j]);
        }
        total += di * sum;
      }
    }
    return total;
  }

  /** Runs {@code body} with the matrix as a tensor and two workers. */
  static <T> T withHessian(double[] h, BiFunction<Tensor, Workers, T> body) {
    int n = (int) Math.sqrt(h.length);
    try (Workers workers = new Workers(2);
        Tensor hessian = Torch.fromDoubles(h, n, n)) {
      return body.apply(hessian, workers);
    }
  }

  /** Codes by default options. */
  static byte[] solve(float[] w, double[] h, String spec, Workers workers) {
    int n = (int) Math.sqrt(h.length);
    try (Tensor hessian = Torch.fromDoubles(h, n, n)) {
      Curvature curvature = Curvature.of(hessian, 0.01, true, workers).orElseThrow();
      return Gptq.solve(w, curvature, QuantSpec.parse(spec), GptqOptions.DEFAULT, workers).codes();
    }
  }
}
