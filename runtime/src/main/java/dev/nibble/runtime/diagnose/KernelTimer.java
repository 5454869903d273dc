package dev.nibble.runtime.diagnose;

import dev.nibble.core.tensor.PackedTensor;
import dev.nibble.core.work.KernelTimes;
import dev.nibble.runtime.Activations;
import dev.nibble.runtime.kernel.Matrix;
import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SplittableRandom;

/**
 * Measures the standard kernels: after a warm-up the median of at least {@value #RUNS} products
 * that take at least 100 ms together. When a tenth of them took over {@value #SPREAD} times the
 * median, something else was running, and the measurement is repeated, at most {@value #ATTEMPTS}
 * times; the fastest counts. Equal types and shapes are measured once.
 */
public final class KernelTimer implements KernelTimes {
  private static final int WARM_RUNS = 10;
  private static final long WARM_NANOS = 30_000_000L;
  private static final int RUNS = 50;
  private static final long RUN_NANOS = 100_000_000L;
  private static final int MOST_RUNS = 20_000;
  private static final int ATTEMPTS = 3;
  private static final double SPREAD = 1.3;

  private final int threads;
  private final String processor;
  private final Map<String, OptionalDouble> known = new HashMap<>();

  /**
   * A timer that has measured nothing yet.
   *
   * @param threads of a product
   * @param processor describes where this runs
   */
  public KernelTimer(int threads, String processor) {
    this.threads = threads;
    this.processor = processor;
  }

  @Override
  public String machine() {
    return processor + " threads=" + threads;
  }

  @Override
  public synchronized OptionalDouble seconds(PackedTensor weight) {
    return known.computeIfAbsent(
        weight.typeName() + Arrays.toString(weight.shape()), key -> measure(weight));
  }

  private OptionalDouble measure(PackedTensor weight) {
    Matrix matrix = Activations.INT8.kernels().bind(weight);
    if (!KernelCheck.made(matrix)) {
      return OptionalDouble.empty();
    }
    float[] x = SampleTensors.gaussian(new SplittableRandom(11), matrix.columns());
    float[] y = new float[matrix.rows()];
    try (Team team = new Team(threads)) {
      Products products = new Products(team, matrix.columns());
      Runnable product =
          () -> products.multiply(matrix, null, x, 0, matrix.columns(), 1, y, 0, matrix.rows());
      run(product, WARM_RUNS, WARM_NANOS);
      double best = Double.MAX_VALUE;
      for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        long[] nanos = run(product, RUNS, RUN_NANOS);
        double median = nanos[nanos.length / 2];
        best = Math.min(best, median);
        if (nanos[nanos.length * 9 / 10] <= SPREAD * median) {
          break;
        }
      }
      return OptionalDouble.of(best / 1e9);
    }
  }

  /** Times of single runs, ascending. */
  private static long[] run(Runnable product, int runs, long nanos) {
    long[] times = new long[MOST_RUNS];
    int count = 0;
    long start = System.nanoTime();
    for (long at = start; count < runs || (at - start < nanos && count < MOST_RUNS); count++) {
      product.run();
      long end = System.nanoTime();
      times[count] = end - at;
      at = end;
    }
    long[] out = Arrays.copyOf(times, count);
    Arrays.sort(out);
    return out;
  }
}
