package dev.nibble.core.transform;

/**
 * Random numbers whose every bit is fixed by this class, not by the Java version, because stored
 * seeds must mean the same for ever. See {@link SeededOrthogonal} for what is drawn. Not
 * thread-safe.
 */
final class SeededNumbers {
  private long state;
  private double spare = Double.NaN;

  SeededNumbers(long seed) {
    this.state = seed;
  }

  /** SplitMix64 (Steele, Lea, Flood 2014). */
  private long next() {
    state += 0x9e3779b97f4a7c15L;
    long z = state;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  /** In (0, 1]. */
  private double uniform() {
    return ((next() >>> 11) + 1) * 0x1.0p-53;
  }

  /** In [0, bound), by the high half of a product; the bias of 2⁻³² does not matter here. */
  private int below(int bound) {
    return (int) (((next() >>> 32) * bound) >>> 32);
  }

  private double normal() {
    if (!Double.isNaN(spare)) {
      double out = spare;
      spare = Double.NaN;
      return out;
    }
    double radius = Math.sqrt(-2 * StrictMath.log(uniform()));
    double angle = 2 * Math.PI * uniform();
    spare = radius * StrictMath.sin(angle);
    return radius * StrictMath.cos(angle);
  }

  int[] permutation(int n) {
    int[] out = new int[n];
    for (int i = 0; i < n; i++) {
      out[i] = i;
    }
    for (int i = n - 1; i > 0; i--) {
      int j = below(i + 1);
      int held = out[i];
      out[i] = out[j];
      out[j] = held;
    }
    return out;
  }

  /** Haar-distributed, row-major {@code [n, n]}. */
  double[] orthogonal(int n) {
    double[] m = new double[Math.multiplyExact(n, n)];
    for (int i = 0; i < m.length; i++) {
      m[i] = normal();
    }
    for (int row = 0; row < n; row++) {
      for (int pass = 0; pass < 2; pass++) {
        for (int other = 0; other < row; other++) {
          double dot = dot(m, row * n, other * n, n);
          for (int i = 0; i < n; i++) {
            m[row * n + i] -= dot * m[other * n + i];
          }
        }
      }
      double unit = 1 / Math.sqrt(dot(m, row * n, row * n, n));
      for (int i = 0; i < n; i++) {
        m[row * n + i] *= unit;
      }
    }
    return m;
  }

  private static double dot(double[] m, int a, int b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += m[a + i] * m[b + i];
    }
    return sum;
  }
}
