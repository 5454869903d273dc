package dev.nibble.core.transform;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A random orthogonal matrix that a seed stands for: what is stored is the seed, and the matrix is
 * drawn again wherever it is needed.
 *
 * <p>{@link Form#KRONECKER} (QuIP, Chee et al. 2023, section 4.2): a random permutation, then
 * {@code A ⊗ B} with random orthogonal A of order p and B of order q, {@code n = p·q} with p the
 * largest divisor up to √n, then another permutation; a product costs {@code n(p + q)}. A width
 * without such divisors (a large prime) takes two rounds on all elements but a few, which the
 * permutation between them exchanges. {@link Form#DENSE}: a Haar-distributed matrix; a product
 * costs n² and drawing it n³.
 *
 * <p>The draw is part of the stored format and never changes: SplitMix64 from the seed; normal
 * deviates by Box and Muller from pairs of 53-bit uniforms; permutations by Fisher and Yates from
 * the top; orthogonal matrices by Gram and Schmidt, twice, on rows of normal deviates. In order of
 * drawing: for each round its permutation, A, B; last the final permutation. Immutable, safe for
 * all threads.
 */
public final class SeededOrthogonal {
  /** Order of a factor up to which a poor divisor is still fine. */
  private static final int SMALL = 64;

  /** How many times √n the larger factor may be. */
  private static final int SKEW = 8;

  private final int n;
  private final List<Round> rounds;
  private final int[] last;

  /** How the matrix is made. */
  public enum Form {
    /** Permutations around a Kronecker product. */
    KRONECKER,
    /** Without structure. */
    DENSE
  }

  /**
   * {@code x ← x[source]}, then {@code X ← A X Bᵀ} of the first {@code rows · columns} elements,
   * read as X {@code [rows, columns]}.
   *
   * @param left A, row-major {@code [rows, rows]}
   * @param right B, row-major {@code [columns, columns]}
   */
  public record Round(int[] source, int rows, int columns, double[] left, double[] right) {}

  private SeededOrthogonal(int n, List<Round> rounds, int[] last) {
    this.n = n;
    this.rounds = List.copyOf(rounds);
    this.last = last;
  }

  /** Draws the matrix of order {@code n} that a seed stands for. */
  public static SeededOrthogonal draw(Form form, int n, long seed) {
    if (n < 1) {
      throw new IllegalArgumentException("an orthogonal matrix of order " + n);
    }
    SeededNumbers random = new SeededNumbers(seed);
    int[] same = IntStream.range(0, n).toArray();
    if (form == Form.DENSE) {
      return new SeededOrthogonal(
          n, List.of(new Round(same, 1, n, new double[] {1}, random.orthogonal(n))), same);
    }
    int mixed = mixed(n);
    int p = divisor(mixed);
    int q = mixed / p;
    List<Round> rounds = new ArrayList<>();
    for (int i = 0; i < (mixed == n ? 1 : 2); i++) {
      int[] source = random.permutation(n);
      double[] left = random.orthogonal(p);
      rounds.add(new Round(source, p, q, left, random.orthogonal(q)));
    }
    return new SeededOrthogonal(n, rounds, random.permutation(n));
  }

  /** Elements that a round mixes: n, or the next lower number with divisors close enough. */
  private static int mixed(int n) {
    int m = n;
    while (m > SMALL && skewed(m, m / divisor(m))) {
      m--;
    }
    return m;
  }

  private static boolean skewed(int n, int larger) {
    return larger > Math.max(SMALL, SKEW * Math.sqrt(n));
  }

  /** Largest divisor up to √n. */
  private static int divisor(int n) {
    int p = (int) Math.sqrt(n);
    while (n % p != 0) {
      p--;
    }
    return p;
  }

  /** Order. */
  public int order() {
    return n;
  }

  /** Rounds in order. */
  public List<Round> rounds() {
    return rounds;
  }

  /** The permutation behind all rounds, {@code y[i] = x[last[i]]}; live. */
  public int[] last() {
    return last;
  }

  /** Replaces {@code v = x[offset .. offset + n)} by {@code Q v}, in double precision. */
  public void apply(float[] x, int offset) {
    double[] v = read(x, offset);
    for (Round round : rounds) {
      v = gather(v, round.source());
      mix(v, round, false);
    }
    write(gather(v, last), x, offset);
  }

  /** Replaces {@code v = x[offset .. offset + n)} by {@code Qᵀ v}, undoing {@link #apply}. */
  public void applyTransposed(float[] x, int offset) {
    double[] v = scatter(read(x, offset), last);
    for (Round round : rounds.reversed()) {
      mix(v, round, true);
      v = scatter(v, round.source());
    }
    write(v, x, offset);
  }

  private double[] read(float[] x, int offset) {
    double[] v = new double[n];
    for (int i = 0; i < n; i++) {
      v[i] = x[offset + i];
    }
    return v;
  }

  private static void write(double[] v, float[] x, int offset) {
    for (int i = 0; i < v.length; i++) {
      x[offset + i] = (float) v[i];
    }
  }

  private static double[] gather(double[] v, int[] source) {
    double[] out = new double[v.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = v[source[i]];
    }
    return out;
  }

  private static double[] scatter(double[] v, int[] source) {
    double[] out = new double[v.length];
    for (int i = 0; i < out.length; i++) {
      out[source[i]] = v[i];
    }
    return out;
  }

  /** {@code X ← A X Bᵀ}, or with Aᵀ and Bᵀ for A and B. */
  private static void mix(double[] v, Round round, boolean transposed) {
    int p = round.rows();
    int q = round.columns();
    double[] left = round.left();
    double[] right = round.right();
    double[] half = new double[p * q];
    for (int i = 0; i < p; i++) {
      for (int k = 0; k < p; k++) {
        double a = transposed ? left[k * p + i] : left[i * p + k];
        for (int j = 0; j < q; j++) {
          half[i * q + j] += a * v[k * q + j];
        }
      }
    }
    for (int j = 0; j < q; j++) {
      for (int i = 0; i < p; i++) {
        double sum = 0;
        for (int k = 0; k < q; k++) {
          sum += half[i * q + k] * (transposed ? right[k * q + j] : right[j * q + k]);
        }
        v[i * q + j] = sum;
      }
    }
  }
}
