package dev.nibble.core.op;

import dev.nibble.core.transform.SeededOrthogonal;
import java.util.Arrays;
import java.util.Objects;

/**
 * A linear map applied at run time to each vector (last axis) that enters a site, before its
 * quantizer, or that leaves it. Orthonormal unless it says otherwise; {@code (M w)·(M x) = w·x}
 * holds when the same map was applied to the weight's rows.
 */
public sealed interface OnlineTransform {

  /**
   * Orthonormal Walsh–Hadamard transform {@code H_n} of the whole vector, {@code n = K·2^m}, as
   * {@link dev.nibble.core.transform.Hadamard} defines it.
   */
  record Hadamard(int n) implements OnlineTransform {}

  /**
   * {@code H_heads ⊗ I_headDim}: the part of a full Hadamard that a per-head fold into {@code
   * v_proj} leaves to be done across heads.
   */
  record HeadHadamard(int heads, int headDim) implements OnlineTransform {}

  /** Independent Hadamard transforms of consecutive blocks of {@code block} elements. */
  record BlockHadamard(int block) implements OnlineTransform {}

  /** {@code y[i] = x[source[i]]}. */
  record Permutation(int[] source) implements OnlineTransform {
    @Override
    public boolean equals(Object other) {
      return other instanceof Permutation p && Arrays.equals(source, p.source);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(source);
    }
  }

  /** {@code y[i] = x[i] * factor[i]} (a scale that no producer could take); not orthonormal. */
  record Scaling(float[] factor) implements OnlineTransform {
    @Override
    public boolean equals(Object other) {
      return other instanceof Scaling s && Arrays.equals(factor, s.factor);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(factor);
    }
  }

  /**
   * One matrix for every run of {@code block} elements, {@code y[j] = Σ x[i] · matrix[i][j]} (a row
   * vector times the matrix). A block as wide as the vector makes it a dense map. It need not be
   * orthonormal.
   *
   * @param matrix row-major {@code [block, block]}, finite
   */
  record BlockMatrix(int block, float[] matrix) implements OnlineTransform {
    /** Checks the size. */
    public BlockMatrix {
      if (block < 1 || matrix.length != (long) block * block) {
        throw new IllegalArgumentException(matrix.length + " values for blocks of " + block);
      }
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof BlockMatrix b && Arrays.equals(matrix, b.matrix);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(matrix);
    }
  }

  /**
   * A random orthogonal matrix Q of order n, {@code y = Q x} or {@code y = Qᵀ x}, of which only the
   * seed is stored; {@link SeededOrthogonal} says what the seed stands for. Q is drawn when it is
   * first needed.
   */
  final class Seeded implements OnlineTransform {
    private final SeededOrthogonal.Form form;
    private final int n;
    private final long seed;
    private final boolean transposed;
    private volatile SeededOrthogonal drawn;

    /** Q, or its transpose. */
    public Seeded(SeededOrthogonal.Form form, int n, long seed, boolean transposed) {
      this.form = form;
      this.n = n;
      this.seed = seed;
      this.transposed = transposed;
    }

    /** How Q is made. */
    public SeededOrthogonal.Form form() {
      return form;
    }

    /** Order. */
    public int n() {
      return n;
    }

    /** What Q is drawn from. */
    public long seed() {
      return seed;
    }

    /** True for Qᵀ. */
    public boolean transposed() {
      return transposed;
    }

    /** The other of Q and Qᵀ. */
    public Seeded transpose() {
      return new Seeded(form, n, seed, !transposed);
    }

    /** Q. */
    public SeededOrthogonal matrix() {
      SeededOrthogonal known = drawn;
      if (known == null) {
        known = SeededOrthogonal.draw(form, n, seed);
        drawn = known;
      }
      return known;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Seeded s
          && form == s.form
          && n == s.n
          && seed == s.seed
          && transposed == s.transposed;
    }

    @Override
    public int hashCode() {
      return Objects.hash(form, n, seed, transposed);
    }

    @Override
    public String toString() {
      return form + "(" + n + ", " + seed + (transposed ? ", transposed)" : ")");
    }
  }

  /**
   * Reference arithmetic: transforms one vector, {@code x[offset .. offset + columns)}, in place.
   *
   * @throws dev.nibble.core.NibbleException for an order without a known Hadamard matrix
   * @throws IllegalArgumentException when the transform is not one of vectors of this length
   */
  default void apply(float[] x, int offset, int columns) {
    Objects.checkFromIndexSize(offset, columns, x.length);
    switch (this) {
      case Hadamard h -> applyBlocks(x, offset, columns, requireWidth(h.n(), columns));
      case BlockHadamard b -> applyBlocks(x, offset, columns, b.block());
      case HeadHadamard h -> {
        requireWidth(h.heads() * h.headDim(), columns);
        acrossHeads(h, x, offset);
      }
      case Permutation p -> {
        requireWidth(p.source().length, columns);
        float[] before = Arrays.copyOfRange(x, offset, offset + columns);
        for (int i = 0; i < columns; i++) {
          x[offset + i] = before[p.source()[i]];
        }
      }
      case Scaling s -> {
        requireWidth(s.factor().length, columns);
        for (int i = 0; i < columns; i++) {
          x[offset + i] *= s.factor()[i];
        }
      }
      case BlockMatrix b -> blockMatrix(b, x, offset, columns);
      case Seeded s -> {
        requireWidth(s.n(), columns);
        if (s.transposed()) {
          s.matrix().applyTransposed(x, offset);
        } else {
          s.matrix().apply(x, offset);
        }
      }
    }
  }

  private static void blockMatrix(BlockMatrix map, float[] x, int offset, int columns) {
    int n = map.block();
    requireBlocks(columns, n);
    float[] y = new float[n];
    for (int at = offset; at < offset + columns; at += n) {
      Arrays.fill(y, 0f);
      for (int i = 0; i < n; i++) {
        float v = x[at + i];
        for (int j = 0; j < n; j++) {
          y[j] += v * map.matrix()[i * n + j];
        }
      }
      System.arraycopy(y, 0, x, at, n);
    }
  }

  private static void requireBlocks(int columns, int block) {
    if (columns % block != 0) {
      throw new IllegalArgumentException(columns + " elements are not blocks of " + block);
    }
  }

  private static int requireWidth(int expected, int columns) {
    if (expected != columns) {
      throw new IllegalArgumentException(
          "a transform of " + expected + " elements cannot take " + columns);
    }
    return expected;
  }

  private static void applyBlocks(float[] x, int offset, int columns, int block) {
    requireBlocks(columns, block);
    dev.nibble.core.transform.Hadamard h = dev.nibble.core.transform.Hadamard.of(block);
    for (int at = offset; at < offset + columns; at += block) {
      h.transform(x, at);
    }
  }

  private static void acrossHeads(HeadHadamard map, float[] x, int offset) {
    dev.nibble.core.transform.Hadamard h = dev.nibble.core.transform.Hadamard.of(map.heads());
    float[] lane = new float[map.heads()];
    for (int i = 0; i < map.headDim(); i++) {
      for (int head = 0; head < lane.length; head++) {
        lane[head] = x[offset + head * map.headDim() + i];
      }
      h.transform(lane, 0);
      for (int head = 0; head < lane.length; head++) {
        x[offset + head * map.headDim() + i] = lane[head];
      }
    }
  }
}
