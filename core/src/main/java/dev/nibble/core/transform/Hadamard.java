package dev.nibble.core.transform;

import dev.nibble.core.NibbleException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The Hadamard matrix of an order {@code n = K·2^m}: {@code H_n = H_K ⊗ H_{2^m}} (QuaRot, Ashkboos
 * et al. 2024, section 3). {@code H_{2^m}} is Sylvester's, {@code (-1)^popcount(r & c)}. For n a
 * power of two K is 1; else {@code H_K} is the smallest of Paley's constructions whose order is the
 * odd part of n times a power of two: 12, 20, 28, 36, 76, 108, 140, 344 … (see {@link Paley},
 * {@link FiniteField} for the exact choice). H_K need not be symmetric. Entry {@code (k·2^m + i,
 * l·2^m + j)} is {@code H_K[k][l] · H_{2^m}[i][j]}.
 *
 * <p>The transform is orthonormal, {@code H/√n}; it costs {@code n·m + n·K} additions. Immutable,
 * safe for all threads.
 */
public final class Hadamard {
  /** Largest K that is built; its matrix takes K² bytes. */
  private static final int LARGEST_BASE = 2048;

  private static final Map<Integer, Hadamard> KNOWN = new ConcurrentHashMap<>();

  private final int n;
  private final int base;
  private final byte[] baseMatrix;

  private Hadamard(int n, int base) {
    this.n = n;
    this.base = base;
    this.baseMatrix = base == 1 ? new byte[] {1} : Paley.matrix(base);
  }

  /** True when {@link #of} knows a matrix of this order. */
  public static boolean supported(int n) {
    return n > 0 && baseOrder(n) > 0;
  }

  /** Widest block-diagonal fallback for any width: the largest power of two that divides n. */
  public static int powerOfTwoBlock(int n) {
    return Integer.lowestOneBit(n);
  }

  /**
   * The matrix of order {@code n}.
   *
   * @throws NibbleException when none is known, naming the block size that would do
   */
  public static Hadamard of(int n) {
    if (!supported(n)) {
      throw new NibbleException(
          "no Hadamard matrix of order "
              + n
              + " is known here"
              + (n > 1
                  ? "; rotate in blocks of " + powerOfTwoBlock(n) + " or use a random rotation."
                  : "; the width must be positive."));
    }
    return KNOWN.computeIfAbsent(n, order -> new Hadamard(order, baseOrder(order)));
  }

  /** K for an order, or 0 when no construction fits. */
  private static int baseOrder(int n) {
    int odd = n >> Integer.numberOfTrailingZeros(n);
    if (odd == 1) {
      return 1;
    }
    for (long k = 4L * odd; k <= Math.min(n, LARGEST_BASE) && n % k == 0; k *= 2) {
      if (Paley.exists((int) k)) {
        return (int) k;
      }
    }
    return 0;
  }

  /** n. */
  public int order() {
    return n;
  }

  /** K: order of the factor that has no butterfly. */
  public int baseOrder() {
    return base;
  }

  /** Entry of the un-normalized matrix, 1 or -1. */
  public int sign(int row, int column) {
    int width = n / base;
    int sylvester = Integer.bitCount((row % width) & (column % width)) % 2 == 0 ? 1 : -1;
    return baseMatrix[row / width * base + column / width] * sylvester;
  }

  /** The orthonormal {@code H_n/√n}, row-major {@code [n, n]}. */
  public double[] dense() {
    double unit = 1 / Math.sqrt(n);
    double[] h = new double[Math.multiplyExact(n, n)];
    for (int r = 0; r < n; r++) {
      for (int c = 0; c < n; c++) {
        h[r * n + c] = sign(r, c) * unit;
      }
    }
    return h;
  }

  /** Replaces {@code v = x[offset .. offset + n)} by {@code H v / √n}. */
  public void transform(double[] x, int offset) {
    butterflies(x, offset);
    if (base > 1) {
      mix(x, offset, base, 1);
    }
    normalize(x, offset);
  }

  /** Replaces {@code v = x[offset .. offset + n)} by {@code Hᵀ v / √n}, undoing the transform. */
  public void inverse(double[] x, int offset) {
    butterflies(x, offset);
    if (base > 1) {
      mix(x, offset, 1, base);
    }
    normalize(x, offset);
  }

  /** As the double version, computed in double and rounded once. */
  public void transform(float[] x, int offset) {
    double[] wide = widen(x, offset);
    transform(wide, 0);
    narrow(wide, x, offset);
  }

  /** As the double version, computed in double and rounded once. */
  public void inverse(float[] x, int offset) {
    double[] wide = widen(x, offset);
    inverse(wide, 0);
    narrow(wide, x, offset);
  }

  private void butterflies(double[] x, int offset) {
    int width = n / base;
    for (int half = 1; half < width; half *= 2) {
      for (int from = offset; from < offset + n; from += 2 * half) {
        for (int i = from; i < from + half; i++) {
          double a = x[i];
          double b = x[i + half];
          x[i] = a + b;
          x[i + half] = a - b;
        }
      }
    }
  }

  /** Multiplies the first axis of {@code [K, 2^m]} by the base matrix read with these strides. */
  private void mix(double[] x, int offset, int rowStride, int columnStride) {
    int width = n / base;
    double[] mixed = new double[n];
    for (int k = 0; k < base; k++) {
      int to = k * width;
      for (int l = 0; l < base; l++) {
        double sign = baseMatrix[k * rowStride + l * columnStride];
        int from = offset + l * width;
        for (int i = 0; i < width; i++) {
          mixed[to + i] += sign * x[from + i];
        }
      }
    }
    System.arraycopy(mixed, 0, x, offset, n);
  }

  private void normalize(double[] x, int offset) {
    double unit = 1 / Math.sqrt(n);
    for (int i = offset; i < offset + n; i++) {
      x[i] *= unit;
    }
  }

  private double[] widen(float[] x, int offset) {
    double[] wide = new double[n];
    for (int i = 0; i < n; i++) {
      wide[i] = x[offset + i];
    }
    return wide;
  }

  private void narrow(double[] wide, float[] x, int offset) {
    for (int i = 0; i < n; i++) {
      x[offset + i] = (float) wide[i];
    }
  }
}
