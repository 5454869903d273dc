package dev.nibble.compress.solve;

import dev.nibble.core.rounding.RoundingOptions;
import dev.nibble.core.spec.QuantSpec;
import dev.nibble.core.tensor.AffineTensor;

/** Matrices solved by QuantEase, for its tests. */
final class QuantEaseCases {
  private QuantEaseCases() {}

  /** Options with these sweeps and nothing added to the diagonal. */
  static QuantEaseOptions options(int iterations, int relaxEvery, boolean actOrder, int block) {
    return new QuantEaseOptions(
        QuantEaseOptions.Start.FP,
        iterations,
        relaxEvery,
        actOrder,
        true,
        true,
        block,
        0,
        RoundingOptions.DEFAULT,
        0,
        QuantEaseOptions.Structure.NONE,
        1);
  }

  /** {@code XᵀX} of inputs that a random square matrix mixes from independent ones. */
  static double[] mixedHessian(int n, int tokens, long seed) {
    float[] mixing = GptqCases.gaussians(n * n, seed);
    float[] sources = GptqCases.gaussians(tokens * n, seed + 1);
    double[] h = new double[n * n];
    for (int t = 0; t < tokens; t++) {
      double[] x = new double[n];
      for (int k = 0; k < n; k++) {
        for (int j = 0; j < n; j++) {
          x[j] += sources[t * n + k] * (double) mixing[k * n + j];
        }
      }
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          h[i * n + j] += x[i] * x[j];
        }
      }
    }
    return h;
  }

  /** Values of the grids of {@code spec}, from the weights. */
  static float[] solve(float[] w, double[] h, String spec, QuantEaseOptions options) {
    return GptqCases.withHessian(
        h,
        (hessian, workers) -> {
          try (DescentMatrix descent =
              new DescentMatrix(
                  hessian, options.actOrder(), options.ridge(), options.blockSize())) {
            WeightGrids grids =
                WeightGrids.fit(
                    w, descent.size(), QuantSpec.parse(spec), options.rounding(), null, workers);
            return QuantEase.solve(descent, grids, w, w, false, options, workers);
          }
        });
  }

  /** Values on the grids of {@code from}, started from it, approximating {@code w}. */
  static float[] refine(
      AffineTensor from, float[] w, double[] h, String spec, QuantEaseOptions options) {
    return GptqCases.withHessian(
        h,
        (hessian, workers) -> {
          try (DescentMatrix descent =
              new DescentMatrix(
                  hessian, options.actOrder(), options.ridge(), options.blockSize())) {
            WeightGrids grids = WeightGrids.of(from, QuantSpec.parse(spec), options.rounding());
            return QuantEase.solve(descent, grids, w, from.toFloats(), true, options, workers);
          }
        });
  }

  /** Codes of a solved tensor, solved again on its own grids from its own values. */
  static byte[] solveAgain(AffineTensor solved, QuantSpec spec, boolean actOrder) {
    int n = solved.columns();
    float[] w = solved.toFloats();
    double[] h = GptqCases.correlatedHessian(n, 5 * n, 9);
    float[] again = refine(solved, w, h, spec.text(), options(30, 3, actOrder, 64));
    AffineTensor packed = WeightGrids.of(solved, spec, RoundingOptions.DEFAULT).pack(again);
    byte[] out = new byte[w.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (byte) packed.code(i / n, i % n);
    }
    return out;
  }
}
