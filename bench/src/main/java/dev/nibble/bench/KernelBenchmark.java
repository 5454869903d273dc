package dev.nibble.bench;

import dev.nibble.runtime.Activations;
import dev.nibble.runtime.diagnose.SampleTensors;
import dev.nibble.runtime.kernel.Matrix;
import dev.nibble.runtime.kernel.Products;
import dev.nibble.runtime.kernel.Team;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Matrix times vector over as many copies of a weight as together exceed the caches, as decoding a
 * token does.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class KernelBenchmark {
  private static final int ROWS = 1024;
  private static final int COLUMNS = 2048;
  private static final long WORKING_SET = 160L << 20;

  /** Stored type, one of {@link SampleTensors#types}. */
  @Param("q4_0")
  public String type;

  /** Threads. */
  @Param("1")
  public int threads;

  /** Arithmetic: that of sessions or of evaluation. */
  @Param("INT8")
  public Activations activations;

  private Team team;
  private Products products;
  private Matrix[] copies;
  private float[] x;
  private float[] y;

  /** Binds the copies; binding copies arrays out of the heap, so each has memory of its own. */
  @Setup
  public void bind() {
    team = new Team(threads);
    products = new Products(team, COLUMNS);
    var weight = SampleTensors.of(type, ROWS, COLUMNS);
    copies = new Matrix[copies(weight.byteSize())];
    Arrays.setAll(copies, i -> activations.kernels().bind(weight));
    x = SampleTensors.gaussian(new SplittableRandom(11), COLUMNS);
    y = new float[ROWS];
  }

  private static int copies(long bytes) {
    return Math.toIntExact(Math.ceilDiv(WORKING_SET, bytes));
  }

  /** Stored bytes that one {@link #multiply} reads. */
  static long bytes(String type) {
    long bytes = SampleTensors.of(type, ROWS, COLUMNS).byteSize();
    return bytes * copies(bytes);
  }

  /** One product with every copy. */
  @Benchmark
  public float[] multiply() {
    for (Matrix w : copies) {
      products.multiply(w, null, x, 0, COLUMNS, 1, y, 0, ROWS);
    }
    return y;
  }

  /** Ends the threads. */
  @TearDown
  public void close() {
    team.close();
  }
}
