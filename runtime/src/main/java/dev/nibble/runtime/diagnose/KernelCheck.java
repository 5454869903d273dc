package dev.nibble.runtime.diagnose;

import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.runtime.Activations;
import dev.nibble.runtime.kernel.Int8Matrix;
import dev.nibble.runtime.kernel.Matrix;
import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Runs the kernels on random weights of every type and compares with the reference: the exact ones
 * of evaluation and, where others serve sessions, those as well.
 */
public final class KernelCheck {
  private static final int ROWS = 512;
  private static final int COLUMNS = 2048;
  private static final double TOLERANCE = 1e-5;

  /** Of kernels that round inputs to 8 bits. */
  private static final double ROUNDED_TOLERANCE = 1e-3;

  private static final long MEASURE_NANOS = 400_000_000L;

  private KernelCheck() {}

  /**
   * Outcome for one stored type.
   *
   * @param type stored type, as {@code int4:g128:sym}
   * @param kernel kernel chosen for it
   * @param vectorized false when rows are decoded by the scalar reference
   * @param rounds whether the kernel rounds inputs to 8 bits
   * @param relativeError largest error of an output relative to {@code Σ|w·x|}
   * @param bytesPerSecond stored bytes read per second in the best of many products with a vector
   */
  public record Result(
      String type,
      String kernel,
      boolean vectorized,
      boolean rounds,
      double relativeError,
      double bytesPerSecond) {

    /** True when the kernel reproduces the reference. */
    public boolean agrees() {
      return relativeError <= (rounds ? ROUNDED_TOLERANCE : TOLERANCE);
    }
  }

  /** Checks every type that models commonly hold. */
  public static List<Result> run(int threads) {
    try (Team team = new Team(threads)) {
      Products products = new Products(team, COLUMNS);
      List<Result> results = new ArrayList<>();
      for (String type : SampleTensors.types()) {
        PackedTensor weight = SampleTensors.of(type, ROWS, COLUMNS);
        Matrix exact = Activations.FP32.kernels().bind(weight);
        Matrix ofSessions = Activations.INT8.kernels().bind(weight);
        results.add(check(weight, exact, products));
        if (!ofSessions.kernel().equals(exact.kernel())) {
          results.add(check(weight, ofSessions, products));
        }
      }
      return results;
    }
  }

  private static Result check(PackedTensor weight, Matrix matrix, Products products) {
    float[] x = SampleTensors.gaussian(new SplittableRandom(11), COLUMNS);
    float[] y = new float[ROWS];
    products.multiply(matrix, null, x, 0, COLUMNS, 1, y, 0, ROWS);
    double worst = worstError(weight.toFloats(), x, y);
    // the best pass: it is the least disturbed by compilation and by other processes
    double seconds = Double.MAX_VALUE;
    for (long start = System.nanoTime(), at = start; at - start < MEASURE_NANOS; ) {
      products.multiply(matrix, null, x, 0, COLUMNS, 1, y, 0, ROWS);
      long end = System.nanoTime();
      seconds = Math.min(seconds, (end - at) / 1e9);
      at = end;
    }
    return new Result(
        weight.typeName(),
        matrix.kernel(),
        made(matrix),
        matrix instanceof Int8Matrix,
        worst,
        matrix.byteSize() / seconds);
  }

  /** True unless the rows are decoded by the scalar reference for want of a kernel. */
  static boolean made(Matrix matrix) {
    return !matrix.kernel().equals("decode-rows");
  }

  private static double worstError(float[] w, float[] x, float[] y) {
    double worst = 0;
    for (int r = 0; r < ROWS; r++) {
      double sum = 0;
      double size = 0;
      for (int c = 0; c < COLUMNS; c++) {
        double term = (double) w[r * COLUMNS + c] * x[c];
        sum += term;
        size += Math.abs(term);
      }
      worst = Math.max(worst, Math.abs(y[r] - sum) / size);
    }
    return worst;
  }
}
